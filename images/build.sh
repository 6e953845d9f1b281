#!/usr/bin/env bash
# Builds the guest of template "base" into a directory: vmlinuz, initramfs.gz, rootfs.ext4, manifest.json.
# usage: build.sh <output-dir>      needs root and the packages of host-packages.txt
# Does nothing if the manifest there was made from the same inputs. What comes from the network is kept under
# $NULLSPACE_CACHE (default /var/cache/nullspace) by the hash of its own inputs, so an agent change costs seconds.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1735689600

images=$(cd "$(dirname "$0")" && pwd)
agent=$images/../agent
cache=${NULLSPACE_CACHE:-/var/cache/nullspace}
suite=bookworm
name=base

[ $# -eq 1 ] || { echo "usage: build.sh <output-dir>" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)

hash=$("$images/inputs-hash.sh")
if [ -f "$out/manifest.json" ] && grep -q "\"inputs\": \"$hash\"" "$out/manifest.json" \
  && [ -f "$out/vmlinuz" ] && [ -f "$out/initramfs.gz" ] && [ -f "$out/rootfs.ext4" ]; then
  echo "image $name is up to date"
  exit 0
fi

[ "$(id -u)" -eq 0 ] || { echo "build.sh needs root" >&2; exit 1; }
for tool in mmdebstrap depmod cpio busybox mke2fs go; do
  command -v "$tool" > /dev/null || { echo "build.sh: $tool is missing; see images/host-packages.txt" >&2; exit 1; }
done

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

for stage in debian kernel initramfs agent rootfs; do
  # shellcheck source=/dev/null
  . "$images/stages/$stage.sh"
done

rm -f "$out/manifest.json"
for file in vmlinuz initramfs.gz rootfs.ext4; do
  mv "$work/$file" "$out/$file.new"
  mv "$out/$file.new" "$out/$file"
done
cat > "$out/manifest.json.new" <<JSON
{
  "name": "$name",
  "inputs": "$hash",
  "suite": "$suite",
  "kernel": "$kernel_version",
  "python": "$python_version",
  "agent_sha256": "$agent_sha256",
  "built_with": { "go": "$(go env GOVERSION)", "mke2fs": "$(mke2fs -V 2>&1 | awk 'NR == 1 { print $2 }')", "mmdebstrap": "$(mmdebstrap --version | awk '{ print $2 }')" },
  "bytes": {
    "vmlinuz": $(stat -c %s "$out/vmlinuz"),
    "initramfs.gz": $(stat -c %s "$out/initramfs.gz"),
    "rootfs.ext4": $(stat -c %s "$out/rootfs.ext4")
  }
}
JSON
mv "$out/manifest.json.new" "$out/manifest.json"
echo "image $name is built in $out"
