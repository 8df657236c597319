#!/usr/bin/env bash
# Formatting, vet and staticcheck over every build of the code, tidy modules, and compilation for other systems.
set -euo pipefail
tool() { go tool -modfile=internal/tools/go.mod "$@"; }

unformatted=$(tool gofumpt -l .)
[ -z "$unformatted" ] || { printf 'not formatted (make fmt):\n%s\n' "$unformatted" >&2; exit 1; }
go mod tidy -diff
for tags in "" portable; do
  echo "vet and staticcheck${tags:+, -tags $tags}"
  go vet -tags "$tags" ./...
  tool staticcheck -tags "$tags" ./...
done
echo "vet and staticcheck, interop"
go vet -tags interop ./...
tool staticcheck -tags interop ./interop ./transports/... ./protocols/...
for module in bench/peers protocols/http1/acme/pebble protocols/rtsphttp/peers; do
  (cd "$module" && echo "vet, $module" && go vet ./... && go mod tidy -diff)
done
for target in darwin/arm64 windows/amd64 linux/386; do # all three take the portable engine
  echo "vet, $target"
  GOOS=${target%/*} GOARCH=${target#*/} go vet ./...
done
echo "lint: clean"
