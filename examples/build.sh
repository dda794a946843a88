#!/bin/bash
# build.sh [NAME…]: builds the guests of examples/ from source, all or those named,
# and prints the size and seconds of each. The work is done in .guests-work/, which
# may be deleted at any time; toolchains come from apt (as root), npm, PyPI
# and Go.
#
# Guests up to 200 KB are committed, so that nobody needs any of this to run them.
set -euo pipefail

# shellcheck source=toolchain/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/toolchain/tools.sh" guests
examples=$root/examples

all=(counter fetch hello-rust grpc-rust hello-c command-rust command-c command-cpp counter-go hello-js counter-js library-js hello-py counter-py)
if [ $# -gt 0 ]; then wanted=("$@"); else wanted=("${all[@]}"); fi

wants() { local w; for w in "${wanted[@]}"; do [[ " $* " == *" $w "* ]] && return 0; done; return 1; }
for w in "${wanted[@]}"; do [[ " ${all[*]} " == *" $w "* ]] || fail "no guest $w; known: ${all[*]}"; done

npm_tools
if wants hello-c command-c command-rust; then packages "${c_packages[@]}"; fi
if wants command-cpp; then packages "${cpp_packages[@]}"; fi
if wants counter fetch hello-rust grpc-rust command-rust; then packages "${rust_packages[@]}"; fi

wit() { world "$examples/$1/wit" "$1"; } # NAME: prints the folder with its world

# --- Rust: Debian's compiler with the standard library built from its source

rust_vendor=/usr/lib/rustlib/src/rust/library/vendor

# The wit-bindgen that Debian vendors lacks its prebuilt object; this copy has the
# function in Rust instead. It lies inside the guest's folder: cargo hashes paths
# outside, and the guest would differ from machine to machine.
wit_bindgen() { # FOLDER
  local dir=$1/wit-bindgen
  [ ! -d "$dir" ] || return 0
  mkdir -p "$1" && cp -r "$rust_vendor"/wit-bindgen-0.* "$dir" && rm -f "$dir"/.cargo-checksum.json*
  echo 'fn main() {}' >"$dir/build.rs"
  cat >"$dir/src/rt/wit_bindgen_cabi_realloc.rs" <<'RUST'
#[no_mangle]
pub unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    crate::rt::cabi_realloc(old, old_size, align, size)
}
RUST
}

rust() { # NAME TARGET [cargo options]: builds a copy, so that no lock file lands in the tree
  local name=$1 target=$2 dir=$work/rust/$1
  shift 2
  mkdir -p "$dir" && rm -rf "$dir/src" && cp -r "$examples/$name/Cargo.toml" "$examples/$name/src" "$dir/"
  (cd "$dir" && env -u RUSTUP_TOOLCHAIN RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_NET_OFFLINE=true \
    CARGO_TARGET_DIR="$work/rust/target-$name" /usr/bin/cargo build --release \
    -Zbuild-std=std,panic_abort --target "$target" \
    --config 'source.crates-io.replace-with="vendored"' --config "source.vendored.directory=\"$rust_vendor\"" "$@")
}

rust_http() { # NAME CRATE: sets core to the core module
  wit_bindgen "$work/rust/$1"
  rust "$1" wasm32-unknown-unknown --config 'patch.crates-io.wit-bindgen.path="wit-bindgen"' \
    --config 'target.wasm32-unknown-unknown.linker="wasm-ld-22"'
  core=$work/rust/target-$1/wasm32-unknown-unknown/release/$2.wasm
}

build_counter() {
  local core
  rust_http counter counter
  jco embed "$core" --wit "$(wit counter)" -n imports -o "$work/tmp/counter.wasm"
  jco new "$work/tmp/counter.wasm" -o "$1"
}

build_hello-rust() {
  local core
  rust_http hello-rust hello
  jco new "$core" -o "$1"
}

build_grpc-rust() {
  local core
  rust_http grpc-rust greeter
  jco new "$core" -o "$1"
}

build_fetch() {
  local core
  rust_http fetch fetch
  jco new "$core" -o "$1"
}

build_command-rust() {
  build_command_objects
  local flags='"-Clink-self-contained=no","-Clink-arg=--target=wasm32-wasi","-Ctarget-feature=+crt-static"' arg
  for arg in "${command_flags[@]}" "${command_objects[@]}"; do flags+=",\"-Clink-arg=$arg\""; done
  rust command-rust wasm32-wasip1 --config 'target.wasm32-wasip1.linker="clang-22"' --config "target.wasm32-wasip1.rustflags=[$flags]"
  command_component "$work/rust/target-command-rust/wasm32-wasip1/release/command.wasm" "$1"
}

# --- C and C++

build_hello-c() {
  clang-22 --target=wasm32 -O2 -Wall -Wextra -Werror -nostdlib -Wl,--no-entry,--strip-all "$examples/hello-c/hello.c" -o "$work/tmp/hello-c.core.wasm"
  jco embed "$work/tmp/hello-c.core.wasm" --wit "$(wit hello-c)" -n hello -o "$work/tmp/hello-c.wasm"
  jco new "$work/tmp/hello-c.wasm" -o "$1"
}

build_command-c() {
  build_command_objects
  clang-22 --target=wasm32-wasi -O2 -Wall -Wextra -Wl,--strip-all "${command_flags[@]}" "$examples/command-c/command.c" \
    "${command_objects[@]}" -o "$work/tmp/command-c.core.wasm"
  command_component "$work/tmp/command-c.core.wasm" "$1"
}

build_command-cpp() {
  build_command_objects
  clang++-22 --target=wasm32-wasi -std=c++23 -O2 -Wall -Wextra -fno-exceptions -Wl,--strip-all "${command_flags[@]}" \
    "$examples/command-cpp/command.cpp" "${command_objects[@]}" -o "$work/tmp/command-cpp.core.wasm"
  command_component "$work/tmp/command-cpp.core.wasm" "$1"
}

# --- Go

build_counter-go() { go_component "$examples/counter-go" "$(wit counter-go)" counter "$1"; }

# --- JavaScript: on StarlingMonkey, and on QuickJS, which does without wasi:http 0.2

build_hello-js() {
  jco componentize "$examples/hello-js/hello.js" --wit "$(wit hello-js)" -n hello --disable fetch-event -o "$1"
}
build_counter-js() {
  jco componentize "$examples/counter-js/counter.js" --wit "$(wit counter-js)" -n counter --disable fetch-event -o "$1"
}
build_library-js() {
  jco componentize "$examples/library-js/library.js" --wit "$(wit library-js)" -n library --backend qjs --backend-qjs-disable-async -o "$1"
}

# --- Python

build_hello-py() { componentize_py "$examples/hello-py" "$(wit hello-py)" hello "$1"; }
build_counter-py() { componentize_py "$examples/counter-py" "$(wit counter-py)" counter "$1"; }

# --- all of them

failed=()
for name in "${wanted[@]}"; do
  out=$examples/$name/${name%%-*}.wasm
  started=$(date +%s.%N)
  rm -f "$work/tmp/$name.out.wasm"
  set +e # not in a condition, where bash would not stop at the first failure
  (set -e; "build_$name" "$work/tmp/$name.out.wasm") >"$work/$name.log" 2>&1
  status=$?
  set -e
  if [ "$status" = 0 ] && [ -s "$work/tmp/$name.out.wasm" ]; then
    mv "$work/tmp/$name.out.wasm" "$out"
    printf '%-14s %9d bytes %6s s\n' "$name" "$(stat -c %s "$out")" "$(seconds "$started")"
  else
    failed+=("$name")
    echo "$name FAILED; the end of $work/$name.log:"
    tail -5 "$work/$name.log" | sed 's/^/    /'
  fi
done
[ ${#failed[@]} = 0 ] || fail "${#failed[@]} of ${#wanted[@]} failed: ${failed[*]}"
