#!/bin/bash
# build.sh: makes the guests of the benchmarks beside it, perf.wasm and bulk.wasm, from
# C with Debian's clang and jco.
set -euo pipefail
# shellcheck source=../../../examples/toolchain/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../../examples/toolchain/tools.sh" "perf guests"

here=$root/test/perf/guest
packages clang-22 lld-22
npm_tools
build() { # NAME WORLD
  clang-22 --target=wasm32 -O2 -Wall -Wextra -Werror -nostdlib -Wl,--no-entry,--strip-all "$here/$1.c" -o "$work/tmp/$1.core.wasm"
  jco embed "$work/tmp/$1.core.wasm" --wit "$(world "$here/wit-$1" "$1")" -n "$2" -o "$work/tmp/$1.wasm"
  jco new "$work/tmp/$1.wasm" -o "$here/$1.wasm"
}
build perf perf
build bulk bulk-data
