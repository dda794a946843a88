# tools.sh NAME: what the scripts that build guests share, to be sourced. NAME begins
# their messages. It sets root, the repository, and work, a folder that may be deleted
# at any time.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=${GUESTS_WORK:-$root/.guests-work}
toolchain=$root/examples/toolchain
mkdir -p "$work/tmp"
tools_for=$1

# Packages of Debian, by what needs them.
node_packages=(nodejs npm)
python_packages=(python3 python3-venv)
c_packages=(clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32)
cpp_packages=("${c_packages[@]}" libc++-22-dev-wasm32 libc++abi-22-dev-wasm32)
rust_packages=(rustc-web cargo-web rust-web-src lld-22)

fail() { echo "$tools_for: $*" >&2; exit 1; }

# absent NAME…: sets missing to the packages of the system that are not installed.
absent() {
  local p
  missing=()
  for p in "$@"; do dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p"); done
}

# packages NAME…: installs the packages of the system that are missing.
packages() {
  local missing
  absent "$@"
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "missing packages; run as root: apt-get install ${missing[*]}"
  fi
  echo "$tools_for: installing ${missing[*]}" >&2
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } \
    >"$work/apt.log" 2>&1 || fail "apt-get failed: $(tail -2 "$work/apt.log")"
}

# npm_tools: installs the pinned packages of package.json once, and sets node_bin to
# the folder of their commands. Scripts that run side by side wait for each other.
npm_tools() {
  command -v node >/dev/null && command -v npm >/dev/null || packages "${node_packages[@]}"
  node_bin=$work/node_modules/.bin
  exec 8>"$work/npm.lock"
  flock 8
  if ! cmp -s "$toolchain/package.json" "$work/npm.installed" || [ ! -d "$node_bin" ]; then
    cp "$toolchain/package.json" "$work/package.json"
    (cd "$work" && npm install --no-audit --no-fund --no-package-lock >npm.log 2>&1) || fail "npm failed: $(tail -2 "$work/npm.log")"
    cp "$toolchain/package.json" "$work/npm.installed"
  fi
  exec 8>&-
}

jco() { node "$node_bin/jco" "$@"; }

# python_tools: installs the pinned packages of requirements.txt once, into a virtual
# environment. Scripts that run side by side wait for each other.
python_tools() {
  local pins=$toolchain/requirements.txt
  exec 8>"$work/python.lock"
  flock 8
  if ! cmp -s "$pins" "$work/python.installed" || [ ! -x "$work/python/bin/componentize-py" ]; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages "${python_packages[@]}"
    { rm -rf "$work/python" && python3 -m venv "$work/python" && "$work/python/bin/pip" install --disable-pip-version-check -r "$pins"; } \
      >"$work/pip.log" 2>&1 || fail "pip failed: $(tail -2 "$work/pip.log")"
    cp "$pins" "$work/python.installed"
  fi
  exec 8>&-
}

# componentize_py FOLDER WIT WORLD OUTPUT: makes a component of app.py in the folder.
# It works on a copy: the Python inside leaves compiled files beside the sources.
componentize_py() {
  local dir
  dir=$work/tmp/$(basename "$1")
  python_tools
  rm -rf "$dir" && mkdir -p "$dir" && cp "$1"/*.py "$dir/"
  "$work/python/bin/componentize-py" -q -d "$2" -w "$3" componentize app -p "$dir" -o "$4"
}

# Go's runtime takes memory that the preview 1 adapter grew for its own. This
# overlay lets it look at the memory's end before it goes on.
go_overlay() {
  local dir=$work/overlay source
  source=$(go env GOROOT)/src/runtime
  mkdir -p "$dir"
  sed 's|^\(\t*\)p = alignUp(bloc, align)|\1blocSync()\n&|' "$source/mem_sbrk.go" >"$dir/mem_sbrk.go"
  sed 's|^\tbl := bloc$|\tblocSync()\n&|' "$source/mem_wasm.go" >"$dir/mem_wasm.go"
  grep -q blocSync "$dir/mem_sbrk.go" && grep -q blocSync "$dir/mem_wasm.go" ||
    fail "this Go release's runtime is not the one the overlay knows: see go_overlay in examples/toolchain/tools.sh"
  cat >>"$dir/mem_wasm.go" <<'GO'

// blocSync gives up the rest of our region if somebody else has grown memory
// since, so that only what we grew ourselves is handed out.
func blocSync() {
	if end := uintptr(currentMemory()) * physPageSize; end != blocMax {
		bloc, blocMax = end, end
	}
}
GO
  printf '{"Replace":{"%s":"%s","%s":"%s"}}\n' "$source/mem_sbrk.go" "$dir/mem_sbrk.go" "$source/mem_wasm.go" "$dir/mem_wasm.go" >"$dir/overlay.json"
  echo "$dir/overlay.json"
}

# go_component FOLDER WIT WORLD OUTPUT: makes a component of a Go program, compiled for
# wasip1 as a library.
go_component() {
  local overlay t
  t=$work/tmp/$(basename "$1")
  overlay=$(go_overlay)
  mkdir -p "$t"
  (cd "$1" && GOFLAGS= GOWORK=off GOOS=wasip1 GOARCH=wasm go build -overlay "$overlay" -trimpath -buildvcs=false \
    -buildmode=c-shared -ldflags='-s -w' -o "$t/core.wasm" .)
  node "$node_bin/wasm-as" --enable-bulk-memory "$toolchain/go_memory.wat" -o "$t/memory.wasm"
  node "$node_bin/wasm-merge" --all-features "$t/core.wasm" main "$t/memory.wasm" memory -o "$t/merged.wasm"
  jco embed "$t/merged.wasm" --wit "$2" -n "$3" -o "$t/embedded.wasm"
  jco new "$t/embedded.wasm" --wasi-reactor -o "$4"
}

# world FOLDER NAME: makes a folder of a guest's own world and the packages that the
# project serves, for jco, and prints it.
world() {
  local dir=$work/wit/$2 package
  rm -rf "$dir" && mkdir -p "$dir/deps"
  cp "$1"/*.wit "$dir/"
  for package in "$root"/wit/packages/*/*@*; do
    cp -r "$package" "$dir/deps/$(basename "$(dirname "$package")")-$(basename "$package" | tr '@' '_')"
  done
  echo "$dir"
}

# Commands are linked with a start of their own and memory for the preview 1 adapter.
command_objects=("$work/tmp/adapter_memory.o" "$work/tmp/command_start.o")
command_flags=(-nostartfiles -Wl,--wrap=__wasi_proc_exit)

# build_command_objects: makes command_objects.
build_command_objects() {
  local object
  for object in "${command_objects[@]}"; do
    clang-22 --target=wasm32-wasi -O2 -c "$toolchain/$(basename "$object" .o).c" -o "$object"
  done
}

# command_component CORE OUTPUT: makes a component of a program linked with command_flags
# and command_objects.
command_component() {
  jco embed "$1" --wit "$(world "$toolchain/wit" toolchain)" -n command -o "$2.embedded"
  jco new "$2.embedded" --wasi-command -o "$2"
}

# seconds SINCE: the time that has passed, with one decimal.
seconds() { awk -v s="$1" -v e="$(date +%s.%N)" 'BEGIN { printf "%.1f", e - s }'; }
