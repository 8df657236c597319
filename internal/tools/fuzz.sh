#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time, one after the other. Stops at the first failure.
set -euo pipefail
fuzztime=$1
targets=$(go test -list '^Fuzz' ./... | awk '/^Fuzz/ {t[n++] = $1} /^(ok|\?)/ {for (i = 0; i < n; i++) print $2, t[i]; n = 0}')
[ -n "$targets" ] || { echo "no fuzz target found" >&2; exit 1; }
while read -r pkg target; do
  echo "$pkg $target"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "$pkg" </dev/null
done <<<"$targets"
