#!/usr/bin/env bash
# deploy/install.sh [--no-start]: runs the daemon of this clone under systemd, from boot on. Safe to run again after an update:
# machines keep running while the daemon restarts. Settings: config.json in the data directory; config.sample.json shows them all.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
unit=nullspaced.service
data=/var/lib/nullspace

refuse() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}

start=yes
case "${1:-}" in
'') ;;
--no-start) start=no ;;
*) refuse 'usage: deploy/install.sh [--no-start]' ;;
esac

[ "$(id -u)" = 0 ] || refuse 'writing the unit needs root: run this with sudo.'
[ -d /run/systemd/system ] || [ "$start" = no ] || refuse 'systemd does not run here. Start the daemon with: npm run quickstart'
[ -x "$root/node_modules/.bin/node" ] || refuse 'the clone is not set up. Run first: npm run quickstart -- --no-daemon'
# systemd splits the command line at spaces and reads % as a specifier.
case "$root" in *[[:space:]%\|\&]*) refuse "the clone must stand in a path without spaces, %, | and &: $root" ;; esac

# A daemon that quickstart left running has the data directory; the unit could not start beside it.
if [ "$start" = yes ] && [ -r "$data/daemon.json" ] && ! systemctl is-active --quiet "$unit"; then
  pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$data/daemon.json")
  if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
    refuse "a daemon (pid $pid) runs on $data already. Stop it first, its machines keep running: npx nullspace daemon stop"
  fi
fi

install -d -m 0755 /etc/systemd/system
sed "s|@ROOT@|$root|g" "$root/deploy/$unit" >"/etc/systemd/system/$unit.new"
mv "/etc/systemd/system/$unit.new" "/etc/systemd/system/$unit"
printf 'wrote /etc/systemd/system/%s for %s\n' "$unit" "$root"

if [ "$start" = yes ]; then
  systemctl daemon-reload
  systemctl enable "$unit"
  systemctl restart "$unit"
  printf 'the daemon runs. Its log: journalctl -u %s -f\n' "${unit%.service}"
else
  printf 'next: systemctl daemon-reload && systemctl enable --now %s\n' "$unit"
fi
