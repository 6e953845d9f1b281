#!/usr/bin/env bash
# Prints the hash of all that an image is made from: images/, the agent's sources without tests, the Go version.
set -euo pipefail
cd "$(dirname "$0")/.."
{
  go version
  find images agent -type f ! -name '*_test.go' ! -path '*/testdata/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  find images/base/files -printf '%m %P\n' | LC_ALL=C sort
} | sha256sum | cut -d' ' -f1
