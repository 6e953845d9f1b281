#!/usr/bin/env bash
# bootstrap.sh TOOL.ts [args]: every npm script starts here. Needs bash, Node 20+ and npm; brings the pinned Node and all
# packages by `npm ci` when they are missing or the lockfile changed, then runs the tool with that Node.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

refuse() {
  printf 'nullspace: %s\n' "$*" >&2
  exit 1
}

[ $# -ge 1 ] || refuse 'bootstrap.sh needs the tool to run, e.g. tools/check/main.ts'

case "$OSTYPE" in
linux-gnu*) ;;
linux-musl*) refuse 'this system uses musl (Alpine?), and the pinned Node is built for glibc. Use a Debian or Ubuntu host.' ;;
*) refuse "this is $OSTYPE, but the machines need Linux (network namespaces, QEMU). Use a Linux host or a Linux VM." ;;
esac
case "$HOSTTYPE" in
x86_64 | aarch64) ;;
*) refuse "the CPU is $HOSTTYPE, but guests and the pinned Node exist for x86_64 and arm64 only." ;;
esac

stamp=node_modules/.nullspace-lock
hidden=node_modules/.package-lock.json
node=node_modules/.bin/node

lock_hash() {
  local sum
  sum=$(sha256sum package-lock.json)
  printf '%s' "${sum%% *}"
}

installed() {
  [ -x "$node" ] || return 1
  [ -r "$stamp" ] && [ "$(<"$stamp")" = "$(lock_hash)" ] && return 0
  # An `npm install` by hand leaves no stamp, but npm's own record is then younger than the lockfile.
  [ "$hidden" -nt package-lock.json ] && lock_hash >"$stamp"
}

install() {
  command -v npm >/dev/null || refuse 'npm is not here. Install Node 20 or newer with npm, then run this again.'
  local major
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  [ "$major" -ge 20 ] || refuse "Node 20 or newer is needed to install the packages; found ${major/#0/none}."
  printf 'installing npm packages …' >&2
  SECONDS=0
  # Loglevel error keeps EBADENGINE warnings away: packages are for the pinned Node, npm itself runs under the system's.
  if ! npm ci --include=optional --include=dev --loglevel=error --no-audit --no-fund >/dev/null; then
    refuse 'npm ci failed (its reason stands above). Check the network and the npm registry settings, then run this again.'
  fi
  printf ' done in %d s\n' "$SECONDS" >&2
  [ -x "$node" ] || refuse "npm left out the pinned Node (package node-linux-*); is npm set to omit optional packages?"
  lock_hash >"$stamp"
}

if ! installed; then
  # Two scripts started together must not both rewrite node_modules.
  exec 9<package-lock.json
  command -v flock >/dev/null && flock 9
  installed || install
  exec 9<&-
fi

# Children that say plain `node` get the pinned one too.
export PATH="$PWD/node_modules/.bin:$PATH"
tool=$1
shift
exec "$node" --disable-warning=ExperimentalWarning "$tool" "$@"
