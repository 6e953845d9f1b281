# shellcheck shell=bash
# Builds the guest's agent. Sets $agent_sha256.

echo "[4/5] agent"
(cd "$agent" && CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o "$work/agent" .)
agent_sha256=$(sha256sum "$work/agent" | cut -d' ' -f1)
