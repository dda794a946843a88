package preview1

import (
	"encoding/binary"
	"flag"
	"os"
	"strings"
	"testing"

	"latticework/wit/abi"
)

var update = flag.Bool("update", false, "write testdata/hello.wasm again")

// builder makes small core modules. A type is written as its parameters, a
// colon and its results, in the letters i and I for integers of 32 and 64
// bits, f and F for floats, v for a vector.
type builder struct {
	types   []string
	imports [][3]string // module, name, type
	funcs   []code
	data    string // at address 8
	pages   int    // of memory; 0 for none
}

// code is a function; one with a name is exported.
type code struct {
	name, typ string
	body      []byte // without the final end
}

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func text(s string) []byte { return append(uleb(len(s)), s...) }

func (b *builder) typeIndex(typ string) int {
	for i, t := range b.types {
		if t == typ {
			return i
		}
	}
	b.types = append(b.types, typ)
	return len(b.types) - 1
}

func section(id byte, items ...[]byte) []byte {
	body := uleb(len(items))
	for _, i := range items {
		body = append(body, i...)
	}
	return append(append([]byte{id}, uleb(len(body))...), body...)
}

func valueTypes(letters string) []byte {
	out := uleb(len(letters))
	for _, l := range letters {
		out = append(out, map[rune]byte{'i': 0x7f, 'I': 0x7e, 'f': 0x7d, 'F': 0x7c, 'v': 0x7b}[l])
	}
	return out
}

// bytes returns the module. Its memory is exported as "memory".
func (b *builder) bytes() []byte {
	var types, imports, funcs, exports, bodies [][]byte
	for _, im := range b.imports {
		imports = append(imports, append(append(append(text(im[0]), text(im[1])...), 0), uleb(b.typeIndex(im[2]))...))
	}
	for i, f := range b.funcs {
		funcs = append(funcs, uleb(b.typeIndex(f.typ)))
		if f.name != "" {
			exports = append(exports, append(append(text(f.name), 0), uleb(len(b.imports)+i)...))
		}
		body := append(append([]byte{0}, f.body...), 0x0b)
		bodies = append(bodies, append(uleb(len(body)), body...))
	}
	for _, t := range b.types {
		params, results, _ := strings.Cut(t, ":")
		types = append(types, append(append([]byte{0x60}, valueTypes(params)...), valueTypes(results)...))
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = append(out, section(1, types...)...)
	out = append(out, section(2, imports...)...)
	out = append(out, section(3, funcs...)...)
	if b.pages > 0 {
		out = append(out, section(5, append([]byte{0}, uleb(b.pages)...))...)
		exports = append(exports, append(text("memory"), 2, 0))
	}
	out = append(out, section(7, exports...)...)
	out = append(out, section(10, bodies...)...)
	if b.data != "" {
		out = append(out, section(11, append([]byte{0, 0x41, 8, 0x0b}, text(b.data)...))...)
	}
	return out
}

// Instructions, for bodies.
var (
	unreachable = []byte{0x00}
	loopForever = []byte{0x03, 0x40, 0x0c, 0, 0x0b}
	growMemory  = []byte{0x20, 0, 0x40, 0}
)

func callFunc(i int) []byte { return append([]byte{0x10}, uleb(i)...) }

func typeOf(list []abi.CoreType) string {
	out := ""
	for _, t := range list {
		out += map[abi.CoreType]string{abi.I32: "i", abi.I64: "I"}[t]
	}
	return out
}

// everything is a module with a function for each of WASI 0.1, of the same
// name and type, that calls it; and with some that tests need.
func everything() []byte {
	b := &builder{pages: 2}
	list := hosts()
	for i, h := range list {
		typ := typeOf(h.Params) + ":" + typeOf(h.Results)
		b.imports = append(b.imports, [3]string{h.Module, h.Name, typ})
		var body []byte
		for p := range h.Params {
			body = append(append(body, 0x20), uleb(p)...)
		}
		b.funcs = append(b.funcs, code{h.Name, typ, append(body, callFunc(i)...)})
	}
	b.funcs = append(b.funcs,
		code{"poke", "ii:", []byte{0x20, 0, 0x20, 1, 0x3a, 0, 0}},
		code{"peek", "i:i", []byte{0x20, 0, 0x2d, 0, 0}},
		code{"spin", ":", loopForever},
		code{"recurse", ":", callFunc(2*len(list) + 3)},
		code{"trap", ":", unreachable},
		code{"grow", "i:i", growMemory},
		code{"add", "iI:I", []byte{0x20, 0, 0xad, 0x20, 1, 0x7c}},
		code{"sum", "fF:F", []byte{0x20, 0, 0xbb, 0x20, 1, 0xa0}},
		code{"same", "f:f", []byte{0x20, 0}},
		code{"vector", "v:", nil},
	)
	return b.bytes()
}

// hello is a command that writes a line, and a library that adds.
func hello() []byte {
	write := []byte{0x41, 1, 0x41, 8, 0x41, 1, 0x41, 0, 0x10, 0, 0x1a}
	b := &builder{
		pages:   1,
		data:    "\x10\x00\x00\x00\x0f\x00\x00\x00hello from 0.1\n", // a buffer of 15 bytes at 16
		imports: [][3]string{{moduleName, "fd_write", "iiii:i"}},
		funcs: []code{
			{"_start", ":", write},
			{"add", "ii:i", []byte{0x20, 0, 0x20, 1, 0x6a}},
		},
	}
	return b.bytes()
}

// TestHelloIsCurrent compares the module that the examples run with what makes
// it.
func TestHelloIsCurrent(t *testing.T) {
	const path = "testdata/hello.wasm"
	if *update {
		if err := os.WriteFile(path, hello(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(readFile(t, path)) != string(hello()) {
		t.Errorf("%s differs from what this test makes: run with -update", path)
	}
}
