#!/usr/bin/env bash
# Runs the reactor's tests, plain and under the race detector, with the given version of netpoll, in a copy of the tree:
# the pinned version stays as it is. docs/adr/0001-netpoll-as-a-pure-poller.md says what to do with the outcome.
set -euo pipefail
version=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
tar --exclude=./.git --exclude=./bench -cf - . | tar -xf - -C "$copy"
cd "$copy"
if ! go get "github.com/cloudwego/netpoll@$version"; then
  echo "netpoll@$version cannot be had from the module proxy; name another with NETPOLL=version" >&2
  exit 1
fi
echo "testing with $(go list -m github.com/cloudwego/netpoll)"
go vet ./reactor/...
go test -count=1 ./reactor/...
go test -count=1 -race ./reactor/...
