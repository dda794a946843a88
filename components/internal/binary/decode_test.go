package binary

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

// leb returns n as unsigned LEB128.
func leb(n int) []byte {
	var b []byte
	for {
		c := byte(n & 0x7f)
		if n >>= 7; n == 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func section(id byte, body ...byte) []byte {
	return append(append([]byte{id}, leb(len(body))...), body...)
}

func component(sections ...[]byte) []byte {
	return append([]byte(magic+componentVersion), bytes.Join(sections, nil)...)
}

func coreModule(sections ...[]byte) []byte {
	return append([]byte(magic+moduleVersion), bytes.Join(sections, nil)...)
}

func TestIntegers(t *testing.T) {
	tests := []struct {
		name string
		in   string
		bits uint
		want int64
		err  string
	}{
		{"zero", "\x00", 32, 0, ""},
		{"padded", "\x81\x80\x80\x80\x00", 32, 1, ""},
		{"most", "\xff\xff\xff\xff\x0f", 32, 1<<32 - 1, ""},
		{"a bit too many", "\xff\xff\xff\xff\x1f", 32, 0, "integer too large"},
		{"a byte too many", "\x80\x80\x80\x80\x80\x00", 32, 0, "integer representation too long"},
		{"cut off", "\x80", 32, 0, "unexpected end-of-file"},
		{"nothing", "", 32, 0, "unexpected end-of-file"},
		{"64 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 64, -1, ""},
		{"65 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 64, 0, "integer too large"},
	}
	for _, tt := range tests {
		r := &reader{data: []byte(tt.in), end: len(tt.in), b: &budget{}}
		got := int64(r.uleb(tt.bits, "number"))
		checkNumber(t, "unsigned "+tt.name, got, tt.want, r.err, tt.err)
	}
	signed := []struct {
		name string
		in   string
		bits uint
		want int64
		err  string
	}{
		{"minus one", "\x7f", 33, -1, ""},
		{"minus one, padded", "\xff\xff\xff\xff\x7f", 33, -1, ""},
		{"largest", "\xff\xff\xff\xff\x0f", 33, 1<<32 - 1, ""},
		{"smallest", "\x80\x80\x80\x80\x70", 33, -1 << 32, ""},
		{"sign bits differ", "\xff\xff\xff\xff\x1f", 33, 0, "integer too large"},
		{"too long", "\xff\xff\xff\xff\xff\x7f", 33, 0, "integer representation too long"},
		{"smallest of 64", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", 64, -1 << 63, ""},
		{"sign bits differ in 64", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7e", 64, 0, "integer too large"},
	}
	for _, tt := range signed {
		r := &reader{data: []byte(tt.in), end: len(tt.in), b: &budget{}}
		checkNumber(t, "signed "+tt.name, r.sleb(tt.bits, "number"), tt.want, r.err, tt.err)
	}
}

func checkNumber(t *testing.T, name string, got, want int64, err error, msg string) {
	t.Helper()
	switch {
	case msg == "" && (err != nil || got != want):
		t.Errorf("%s: %d, %v, want %d", name, got, err, want)
	case msg != "" && (err == nil || !strings.Contains(err.Error(), msg)):
		t.Errorf("%s: %d, %v, want %q", name, got, err, msg)
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := component()
	for range 100 {
		deep = component(section(secComponent, deep...))
	}
	nestedTypes := []byte{0x01}
	for range 100 {
		nestedTypes = append(nestedTypes, 0x42, 0x01, 0x01) // an instance type of one type
	}
	many := append(leb(300_000), bytes.Repeat([]byte{0x7f}, 300_000)...)
	tests := []struct {
		name string
		in   []byte
		code errcode.Code
		msg  string
	}{
		{"a core module", []byte(magic + moduleVersion), errcode.Invalid, "expected a version header for a component"},
		{"section longer than input", component([]byte{secType, 0x05, 0x00}), errcode.Invalid, "at 0x8: unexpected end-of-file"},
		{"bytes after the last item", component(section(secType, 0x00, 0x00)), errcode.Invalid, "unexpected content"},
		{"lying count", component(section(secType, 0xff, 0xff, 0xff, 0xff, 0x0f)), errcode.Invalid, "unexpected end-of-file"},
		{"lying count inside", component(section(secType, 0x01, 0x72, 0xff, 0xff, 0xff, 0xff, 0x07)), errcode.Invalid, "unexpected end-of-file"},
		{"lying name", component(section(secCustom, 0xff, 0xff, 0xff, 0xff, 0x0f)), errcode.Invalid, "unexpected end-of-file"},
		{"nested components", deep, errcode.Exhausted, "nesting of components"},
		{"nested types", component(section(secType, nestedTypes...)), errcode.Exhausted, "nesting of types"},
		{"too many items", component(section(secType, many...)), errcode.Exhausted, "300000 > 200000"},
		{"component in a core module section", component(section(secCoreModule, component()...)), errcode.Invalid, "version header for a module"},
	}
	for _, tt := range tests {
		_, err := Decode(tt.in, Limits{})
		if errcode.Of(err) != tt.code || !strings.Contains(err.Error(), tt.msg) {
			t.Errorf("%s: %s error %v, want %s error with %q", tt.name, errcode.Of(err), err, tt.code, tt.msg)
		}
	}
	if _, err := Decode(component(), Limits{Input: 4}); errcode.Of(err) != errcode.Exhausted {
		t.Errorf("input over its limit: %v", err)
	}
}

func TestDecodeAllocatesLittle(t *testing.T) {
	// The counts fit the bytes that remain, but the items do not.
	in := component(section(secType, append(append(leb(150_000), 0x72), append(leb(40_000), make([]byte, 200_000)...)...)...))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(in, Limits{})
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Fatal("accepted")
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("decoding %d bytes allocated %d bytes", len(in), used)
	}
}

func TestDecodeOrderAndOffsets(t *testing.T) {
	in := component(
		section(secCoreModule, coreModule()...),
		section(secType, 0x02, 0x7d, 0x70, 0x00),
		section(secCustom, 0x01, 'x', 0xaa, 0xbb),
		section(secComponent, component(section(secType, 0x01, 0x73))...),
	)
	c, err := Decode(in, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Defs) != 5 {
		t.Fatalf("%d definitions", len(c.Defs))
	}
	m := c.Defs[0].Item.(*CoreModule)
	if string(in[m.Start:m.End]) != string(coreModule()) {
		t.Errorf("core module is %q", in[m.Start:m.End])
	}
	list := c.Defs[2].Item.(*Type)
	if list.Kind != TypeList || *list.Elem != (ValType{Index: 0}) || in[c.Defs[2].Offset] != 0x70 {
		t.Errorf("list is %+v at %#x", list, c.Defs[2].Offset)
	}
	x := c.Defs[3].Item.(*Custom)
	if x.Name != "x" || !bytes.Equal(in[x.Start:x.End], []byte{0xaa, 0xbb}) {
		t.Errorf("custom section is %+v", x)
	}
	inner := c.Defs[4].Item.(*Component)
	if inner.End != len(in) || len(inner.Defs) != 1 || in[inner.Defs[0].Offset] != 0x73 {
		t.Errorf("inner component is %+v", inner)
	}
}

func TestDecodeNameAttributes(t *testing.T) {
	body := []byte{0x01, 0x02, 0x01, 'i', 0x03,
		0x00, 0x05, 'a', ':', 'b', '/', 'c', 0x01, 0x02, '.', '1', 0x02, 0x00, 0x05, 0x00}
	c, err := Decode(component(section(secImport, body...)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	n := c.Defs[0].Item.(*Import).Name
	if n.Name != "i" || n.Implements == nil || *n.Implements != "a:b/c" || n.VersionSuffix == nil ||
		*n.VersionSuffix != ".1" || n.ExternalID == nil || *n.ExternalID != "" {
		t.Errorf("name is %+v", n)
	}
}

func TestScanCore(t *testing.T) {
	types := section(coreTypes, 0x02, 0x60, 0x01, 0x7f, 0x00, 0x60, 0x00, 0x01, 0x7e)
	in := coreModule(types,
		section(coreImports, 0x01, 0x01, 'm', 0x01, 'f', 0x00, 0x00),
		section(coreFuncs, 0x01, 0x01),
		section(coreTables, 0x01, 0x70, 0x01, 0x02, 0x09),
		section(coreMemories, 0x01, 0x00, 0x03),
		section(coreGlobals, 0x01, 0x7c, 0x01, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b),
		section(coreExports, 0x04, 0x01, 'f', 0x00, 0x01, 0x01, 't', 0x01, 0x00, 0x01, 'm', 0x02, 0x00, 0x01, 'g', 0x03, 0x00),
	)
	info, err := ScanCore(in, 0, len(in), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Imports) != 1 || info.Imports[0].Type.Type != 0 || len(info.Exports) != 4 {
		t.Fatalf("scanned %+v", info)
	}
	e := info.Exports
	if e[0].Type.Type != 1 || info.Types[1].Func.Results[0].Code != CoreI64 {
		t.Errorf("func is %+v", e[0])
	}
	if e[1].Type.Val != (CoreValType{CoreRefNull, HeapFunc}) || e[1].Type.Limits.Max != 9 {
		t.Errorf("table is %+v", e[1])
	}
	if e[2].Type.Limits.Min != 3 || e[2].Type.Limits.HasMax {
		t.Errorf("memory is %+v", e[2])
	}
	if e[3].Type.Val.Code != CoreF64 || !e[3].Type.Mutable {
		t.Errorf("global is %+v", e[3])
	}
}

func TestScanCoreRefuses(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		msg  string
	}{
		{"lying section", coreModule([]byte{coreTypes, 0xff, 0xff, 0xff, 0xff, 0x0f}), "unexpected end-of-file"},
		{"lying count", coreModule(section(coreFuncs, 0xff, 0xff, 0xff, 0xff, 0x0f)), "unexpected end-of-file"},
		{"unknown type", coreModule(section(coreFuncs, 0x01, 0x00)), "type index out of bounds"},
		{"unknown export", coreModule(section(coreExports, 0x01, 0x01, 'f', 0x00, 0x00)), "index out of bounds"},
		{"section twice", coreModule(section(coreTypes, 0x00), section(coreTypes, 0x00)), "out of order"},
		{"endless constant", coreModule(section(coreGlobals, 0x01, 0x7f, 0x00, 0x41, 0x00)), "unexpected end-of-file"},
		{"call in a constant", coreModule(section(coreGlobals, 0x01, 0x7f, 0x00, 0x10, 0x00, 0x0b)), "constant expression required"},
		{"trailing bytes", coreModule(section(coreTypes, 0x00, 0x00)), "section size mismatch"},
		{"table of no form", coreModule(section(coreTables, 0x01, 0x40, 0x01, 0x70, 0x00, 0x01, 0xd0, 0x70, 0x0b)), "invalid leading byte (0x1) for table"},
	}
	for _, tt := range tests {
		_, err := ScanCore(tt.in, 0, len(tt.in), Limits{})
		if err == nil || !strings.Contains(err.Error(), tt.msg) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.msg)
		}
	}
}
