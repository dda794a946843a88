package encode

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
)

// input is a component of the reference data.
type input struct {
	name string
	data []byte
}

// inputs returns the guests and the binaries of the component-model suite
// that decode.
func inputs(t testing.TB) (guests, cases []input) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(refdata.Dir(t, "guests/wasm"), "*.wasm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no guests: %v", err)
	}
	for _, f := range files {
		guests = append(guests, read(t, filepath.Base(f), f))
	}
	dir := refdata.Dir(t, "conformance/component-model")
	var m struct {
		Files []struct {
			Cases []struct{ ID, Kind, Wasm string }
		}
	}
	if err := json.Unmarshal(read(t, "manifest", filepath.Join(dir, "manifest.json")).data, &m); err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		for _, c := range f.Cases {
			if c.Wasm == "" {
				continue
			}
			in := read(t, c.ID, filepath.Join(dir, c.Wasm))
			if _, err := binary.Decode(in.data, binary.Limits{}); err == nil {
				cases = append(cases, in)
			} else if c.Kind != "assert-malformed" && c.Kind != "assert-invalid" {
				t.Errorf("%s: %v", c.ID, err)
			}
		}
	}
	return guests, cases
}

func read(t testing.TB, name, path string) input {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return input{name, data}
}

// roundTrip decodes data, encodes the tree, and decodes that: the trees must
// be the same but for offsets, and the bytes they refer to as well. It returns
// what it encoded.
func roundTrip(t *testing.T, data []byte) []byte {
	t.Helper()
	c, err := binary.Decode(data, binary.Limits{})
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	out, err := Encode(c, data)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	again, err := binary.Decode(out, binary.Limits{})
	if err != nil {
		t.Fatalf("decode what was encoded: %v", err)
	}
	sameContents(t, c, data, again, out)
	strip(c)
	strip(again)
	if !reflect.DeepEqual(c, again) {
		t.Fatal("the tree of what was encoded differs")
	}
	return out
}

// sameContents compares the bytes that two trees refer to.
func sameContents(t *testing.T, a *binary.Component, dataA []byte, b *binary.Component, dataB []byte) {
	t.Helper()
	if len(a.Defs) != len(b.Defs) {
		t.Fatalf("%d definitions became %d", len(a.Defs), len(b.Defs))
	}
	for i := range a.Defs {
		if c, ok := a.Defs[i].Item.(*binary.Component); ok {
			if d, ok := b.Defs[i].Item.(*binary.Component); ok {
				sameContents(t, c, dataA, d, dataB)
			}
		}
		as, ae := contents(a.Defs[i].Item)
		bs, be := contents(b.Defs[i].Item)
		if !bytes.Equal(dataA[as:ae], dataB[bs:be]) {
			t.Fatalf("contents of definition %d, %T, differ", i, a.Defs[i].Item)
		}
	}
}

func contents(item binary.Item) (start, end int) {
	switch d := item.(type) {
	case *binary.CoreModule:
		return d.Start, d.End
	case *binary.Custom:
		return d.Start, d.End
	case *binary.Value:
		return d.Start, d.End
	}
	return 0, 0
}

// strip removes all offsets.
func strip(c *binary.Component) {
	c.Start, c.End = 0, 0
	for i := range c.Defs {
		c.Defs[i].Offset = 0
		switch d := c.Defs[i].Item.(type) {
		case *binary.Component:
			strip(d)
		case *binary.CoreModule:
			d.Start, d.End = 0, 0
		case *binary.Custom:
			d.Start, d.End = 0, 0
		case *binary.Value:
			d.Start, d.End = 0, 0
		case *binary.Type:
			stripType(d)
		case *binary.CoreType:
			stripCore(d)
		}
	}
}

func stripType(t *binary.Type) {
	for i := range t.Decls {
		t.Decls[i].Offset = 0
		switch d := t.Decls[i].Item.(type) {
		case *binary.Type:
			stripType(d)
		case *binary.CoreType:
			stripCore(d)
		}
	}
}

func stripCore(t *binary.CoreType) {
	if t.Module != nil {
		for i := range t.Module.Decls {
			t.Module.Decls[i].Offset = 0
		}
	}
}

func TestRoundTrip(t *testing.T) {
	guests, cases := inputs(t)
	if len(cases) < 800 {
		t.Fatalf("%d well-formed cases, expected over 800", len(cases))
	}
	for _, set := range []struct {
		name string
		list []input
	}{{"guests", guests}, {"component-model", cases}} {
		same := 0
		for _, in := range set.list {
			t.Run(in.name, func(t *testing.T) {
				out := roundTrip(t, in.data)
				if bytes.Equal(out, in.data) {
					same++
				} else {
					t.Logf("%d bytes became %d", len(in.data), len(out))
				}
			})
		}
		t.Logf("%s: %d encoded to the same tree, %d to the same bytes", set.name, len(set.list), same)
	}
}

func TestHandMadeTreesShareSections(t *testing.T) {
	u32 := &binary.ValType{Prim: binary.PrimU32}
	c := &binary.Component{Defs: []binary.Def{
		{Item: &binary.Type{Kind: binary.TypeList, Elem: u32}},
		{Item: &binary.Type{Kind: binary.TypeOption, Elem: u32}},
	}}
	got, err := Encode(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := preamble + "\x07\x05\x02\x70\x79\x6b\x79"
	if string(got) != want {
		t.Errorf("got % x, want % x", got, want)
	}
}

func TestVerbatim(t *testing.T) {
	inner := &binary.Component{}
	e := Encoder{Verbatim: map[*binary.Component][]byte{inner: []byte(preamble + "\x00\x02\x01x")}}
	got, err := e.Encode(&binary.Component{Defs: []binary.Def{{Item: inner}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := preamble + "\x04\x0c" + preamble + "\x00\x02\x01x"; string(got) != want {
		t.Errorf("got % x, want % x", got, want)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	for name, item := range map[string]binary.Item{
		"nothing":         nil,
		"range":           &binary.CoreModule{Start: 0, End: 1},
		"backwards range": &binary.Custom{Start: 1, End: 0},
		"type kind":       &binary.Type{},
		"element":         &binary.Type{Kind: binary.TypeList},
		"function":        &binary.Type{Kind: binary.TypeFunc},
		"resource":        &binary.Type{Kind: binary.TypeResource},
		"canon kind":      &binary.Canon{Kind: 0x07},
		"canon option":    &binary.Canon{Options: []binary.CanonOption{{Kind: 0x55}}},
		"alias kind":      &binary.Alias{Kind: 9, Sort: binary.SortFunc},
		"outer alias":     &binary.Alias{Kind: binary.AliasOuter, Sort: binary.SortFunc},
		"sort":            &binary.Alias{Sort: 99},
		"core sort":       &binary.CoreInstance{Inline: true, Exports: []binary.CoreExport{{Ref: binary.SortIdx{Sort: binary.SortFunc}}}},
		"extern type":     &binary.Import{Type: binary.ExternType{Sort: binary.SortCoreFunc}},
		"core group":      &binary.CoreType{},
		"core value type": &binary.Canon{Kind: binary.CanonContextGet},
		"instance import": &binary.Type{Kind: binary.TypeInstance, Decls: []binary.Decl{{Item: &binary.Import{Type: binary.ExternType{Sort: binary.SortFunc}}}}},
		"declarator":      &binary.Type{Kind: binary.TypeInstance, Decls: []binary.Decl{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Encode(&binary.Component{Defs: []binary.Def{{Item: item}}}, nil)
			if errcode.Of(err) != errcode.Invalid {
				t.Errorf("got %v, want an invalid error", err)
			}
		})
	}
}
