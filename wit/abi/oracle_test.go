package abi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/value"
)

// vectors is what the reference interpreter definitions.py did, recorded by
// testdata/gen_vectors.py.
type vectors struct {
	Layouts []struct {
		Type        any
		Size, Align uint32
		Flat        *string
	}
	Stores []struct {
		Type, Value any
		Enc, Mem    string
		Log         [][5]uint32
		Flat        []uint64
	}
	Loads     []lift
	FlatLifts []lift `json:"flat_lifts"`
	Copies    []struct {
		Type, Value   any
		From, To, Mem string
		Log           [][5]uint32
	}
	TaggedCopies []struct {
		Text, To, Mem string
		Log           [][5]uint32
		Ptr, Tagged   uint32
	} `json:"tagged_copies"`
	Functions []struct {
		Params       []any
		Result       any
		Lift, Lower  string
		LiftAsync    string `json:"lift-async"`
		LiftCallback string `json:"lift-callback"`
		LowerAsync   string `json:"lower-async"`
	}
}

type lift struct {
	Type, Value any
	Enc, Mem    string
	Owns        []uint32
	Flat        []uint64
	Trap        bool
}

// vectorsEnv names other vectors than the recorded ones, for .ci/abi-oracle.
const vectorsEnv = "LATTICEWORK_ABI_VECTORS"

func readVectors(t *testing.T) *vectors {
	t.Helper()
	file := os.Getenv(vectorsEnv)
	if file == "" {
		file = "testdata/vectors.json"
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v := new(vectors)
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
	return v
}

var oracleResource = &wit.Resource{Name: "oracle"}

// oracleType makes a type of its JSON, see build in gen_vectors.py.
func oracleType(j any) *wit.Type {
	if j == nil {
		return nil
	}
	if name, ok := j.(string); ok {
		for k := wit.KindBool; k <= wit.KindString; k++ {
			if primNames[k] == name {
				return wit.Primitive(k)
			}
		}
		panic("no type " + name)
	}
	a := j.([]any)
	t := &wit.Type{}
	switch a[0] {
	case "own":
		t.Kind, t.Resource = wit.KindOwn, oracleResource
	case "borrow":
		t.Kind, t.Resource = wit.KindBorrow, oracleResource
	case "stream":
		t.Kind, t.Elem = wit.KindStream, oracleType(a[1])
	case "future":
		t.Kind, t.Elem = wit.KindFuture, oracleType(a[1])
	case "error-context":
		t.Kind = wit.KindErrorContext
	case "list":
		t.Kind, t.Elem = wit.KindList, oracleType(a[1])
		if len(a) == 3 {
			t.Kind, t.Len = wit.KindFixedList, uint32(number(a[2]))
		}
	case "map":
		t.Kind, t.Key, t.Elem = wit.KindMap, oracleType(a[1]), oracleType(a[2])
	case "record", "tuple":
		if t.Kind = wit.KindTuple; a[0] == "record" {
			t.Kind = wit.KindRecord
		}
		for i, f := range a[1].([]any) {
			t.Fields = append(t.Fields, wit.Field{Name: fmt.Sprint("f", i), Type: oracleType(f)})
		}
	case "variant":
		t.Kind = wit.KindVariant
		for i, c := range a[1].([]any) {
			t.Cases = append(t.Cases, wit.Case{Name: fmt.Sprint("c", i), Type: oracleType(c)})
		}
	case "enum":
		t.Kind, t.Cases = wit.KindEnum, make([]wit.Case, number(a[1]))
	case "option":
		t.Kind, t.Elem = wit.KindOption, oracleType(a[1])
	case "result":
		t.Kind, t.Elem, t.Err = wit.KindResult, oracleType(a[1]), oracleType(a[2])
	case "flags":
		t.Kind, t.Flags = wit.KindFlags, make([]string, number(a[1]))
	default:
		panic(fmt.Sprintf("no type %v", a[0]))
	}
	return t
}

var primNames = [...]string{
	wit.KindBool: "bool", wit.KindS8: "s8", wit.KindU8: "u8", wit.KindS16: "s16",
	wit.KindU16: "u16", wit.KindS32: "s32", wit.KindU32: "u32", wit.KindS64: "s64",
	wit.KindU64: "u64", wit.KindF32: "f32", wit.KindF64: "f64", wit.KindChar: "char",
	wit.KindString: "string",
}

// number reads an integer from -2^63 to 2^64-1 as its 64 bits.
func number(j any) uint64 {
	text := string(j.(json.Number))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return uint64(n)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// oracleValue makes a value of its JSON, see value_json in gen_vectors.py.
func oracleValue(t *wit.Type, j any) value.Value {
	all := func(f func(i int) *wit.Type) []value.Value {
		vs := []value.Value{}
		for i, x := range j.([]any) {
			vs = append(vs, oracleValue(f(i), x))
		}
		return vs
	}
	field := func(i int) *wit.Type { return t.Fields[i].Type }
	switch t.Kind {
	case wit.KindBool:
		return value.Bool(j.(bool))
	case wit.KindString:
		return value.String(j.(string))
	case wit.KindList, wit.KindFixedList:
		return value.List(all(func(int) *wit.Type { return t.Elem }))
	case wit.KindMap:
		pair := &wit.Type{Kind: wit.KindTuple, Fields: []wit.Field{{Type: t.Key}, {Type: t.Elem}}}
		return value.List(all(func(int) *wit.Type { return pair }))
	case wit.KindRecord:
		return value.Record(all(field))
	case wit.KindTuple:
		return value.Tuple(all(field))
	case wit.KindVariant, wit.KindOption, wit.KindResult:
		return oracleCase(t, j.([]any))
	}
	n := number(j)
	switch t.Kind {
	case wit.KindS8:
		return value.S8(n)
	case wit.KindU8:
		return value.U8(n)
	case wit.KindS16:
		return value.S16(n)
	case wit.KindU16:
		return value.U16(n)
	case wit.KindS32:
		return value.S32(n)
	case wit.KindU32:
		return value.U32(n)
	case wit.KindS64:
		return value.S64(n)
	case wit.KindU64:
		return value.U64(n)
	case wit.KindF32:
		return value.F32(math.Float32frombits(uint32(n)))
	case wit.KindF64:
		return value.F64(math.Float64frombits(n))
	case wit.KindChar:
		return value.Char(n)
	case wit.KindEnum:
		return value.Enum(n)
	case wit.KindFlags:
		return value.Flags{uint32(n)}
	case wit.KindOwn:
		return value.Handle{Rep: uint32(n), Resource: oracleResource, Owned: true}
	}
	panic(fmt.Sprint("no value of kind ", t.Kind))
}

func oracleCase(t *wit.Type, j []any) value.Value {
	i := int(number(j[0]))
	side := t.Elem
	switch {
	case t.Kind == wit.KindVariant:
		side = t.Cases[i].Type
	case t.Kind == wit.KindResult && i == 1:
		side = t.Err
	}
	var payload value.Value
	if len(j) == 2 {
		payload = oracleValue(side, j[1])
	}
	switch t.Kind {
	case wit.KindOption:
		return value.Option{Value: payload}
	case wit.KindResult:
		return value.Result{IsErr: i == 1, Value: payload}
	}
	return value.Variant{Case: i, Payload: payload}
}

func oracleEncoding(name string) Encoding {
	switch name {
	case "utf8":
		return UTF8
	case "utf16":
		return UTF16
	case "latin1+utf16":
		return Latin1UTF16
	}
	panic("no encoding " + name)
}

func oracleMem(enc string) (*Mem, *heap) {
	m, h := newMem(oracleEncoding(enc))
	m.Handles = newHandles(0)
	return m, h
}

func mustCompile(t *testing.T, j any) *Codec {
	t.Helper()
	c, err := CompileType(oracleType(j))
	if err != nil {
		t.Fatalf("compile %v: %v", j, err)
	}
	return c
}

func coreNames(ts []CoreType) string {
	names := make([]string, len(ts))
	for i, ct := range ts {
		names[i] = ct.String()
	}
	return strings.Join(names, " ")
}

func TestOracleLayouts(t *testing.T) {
	for _, x := range readVectors(t).Layouts {
		typ := oracleType(x.Type)
		if Size(typ) != x.Size || Align(typ) != x.Align {
			t.Errorf("%v: size %d, align %d, want %d and %d", x.Type, Size(typ), Align(typ), x.Size, x.Align)
		}
		if flat := Flatten(typ); (flat != nil) != (x.Flat != nil) || x.Flat != nil && coreNames(flat) != *x.Flat {
			t.Errorf("%v: flat %v, want %v", x.Type, flat, x.Flat)
		}
	}
}

// checkHeap compares memory and the calls of realloc after the first.
func checkHeap(t *testing.T, what any, h *heap, mem string, log [][5]uint32) {
	t.Helper()
	if have := hex.EncodeToString(h.mem[16:h.last]); have != mem {
		t.Errorf("%v: memory\nhave %s\nwant %s", what, have, mem)
	}
	if have := h.log[1:]; len(have)+len(log) > 0 && !reflect.DeepEqual(have, log) {
		t.Errorf("%v: realloc\nhave %v\nwant %v", what, have, log)
	}
}

func TestOracleStores(t *testing.T) {
	for _, x := range readVectors(t).Stores {
		c := mustCompile(t, x.Type)
		m, h := oracleMem(x.Enc)
		b := place(t, m, c)
		c.Store(m, b, oracleValue(c.t, x.Value))
		if m.Err() != nil {
			t.Errorf("store %v of %v: %v", x.Value, x.Type, m.Err())
			continue
		}
		checkHeap(t, x.Type, h, x.Mem, x.Log)
		if x.Flat == nil {
			continue
		}
		flat := make([]uint64, len(x.Flat))
		if err := c.Unspill(b, flat); err != nil || !reflect.DeepEqual(flat, x.Flat) {
			t.Errorf("lower %v of %v: have %x, %v, want %x", x.Value, x.Type, flat, err, x.Flat)
		}
	}
}

// replay has a guest's memory and handles as they were recorded.
func (x *lift) replay(t *testing.T) *Mem {
	t.Helper()
	m, h := oracleMem(x.Enc)
	raw, err := hex.DecodeString(x.Mem)
	if err != nil {
		t.Fatal(err)
	}
	m.Data = append(h.mem[:16], raw...)
	for _, rep := range x.Owns {
		if _, err := m.Handles.LowerOwn(rep, oracleResource); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// check compares what was loaded with what was recorded.
func (x *lift) check(t *testing.T, what string, have value.Value, err error, want func() value.Value) {
	t.Helper()
	if x.Trap {
		if errcode.Of(err) != errcode.Trap {
			t.Errorf("%s %v: have %v, %v, want a trap\nmemory %s, flat %x", what, x.Type, have, err, x.Mem, x.Flat)
		}
		return
	}
	if err != nil || !value.Equal(have, want()) {
		t.Errorf("%s %v: have %v, %v\nwant %v\nmemory %s, flat %x", what, x.Type, have, err, want(), x.Mem, x.Flat)
	}
}

func TestOracleLoads(t *testing.T) {
	for _, x := range readVectors(t).Loads {
		c := mustCompile(t, x.Type)
		want := func() value.Value { return oracleValue(c.t, x.Value) }
		at := alignTo(16, c.align)
		m := x.replay(t)
		have := c.Load(m, m.Data[at:])
		x.check(t, "load", have, m.Err(), want)

		m = x.replay(t)
		e := value.Encoder{}
		c.ToWire(m, m.Data[at:], &e)
		if have = nil; m.Err() == nil {
			have = value.Decode(value.NewDecoder(e.Buf), c.t)
		}
		x.check(t, "to wire", have, m.Err(), want)

		m = x.replay(t)
		dst, _ := newMem(UTF8)
		b := place(t, dst, c)
		c.Copy(dst, b, m, m.Data[at:])
		if have = nil; m.Err() == nil {
			have = c.Load(dst, b)
		}
		x.check(t, "copy", have, m.Err(), want)
	}
}

func TestOracleFlatLifts(t *testing.T) {
	for _, x := range readVectors(t).FlatLifts {
		c := mustCompile(t, x.Type)
		m := x.replay(t)
		b := make([]byte, c.Size())
		err := c.Spill(x.Flat, b)
		var have value.Value
		if err == nil {
			have = c.Load(m, b)
			err = m.Err()
		}
		x.check(t, "lift", have, err, func() value.Value { return oracleValue(c.t, x.Value) })
	}
}

func TestOracleCopies(t *testing.T) {
	for _, x := range readVectors(t).Copies {
		c := mustCompile(t, x.Type)
		src, _ := oracleMem(x.From)
		sb := place(t, src, c)
		c.Store(src, sb, oracleValue(c.t, x.Value))
		dst, h := oracleMem(x.To)
		db := place(t, dst, c)
		c.Copy(dst, db, src, sb)
		if src.Err() != nil || dst.Err() != nil {
			t.Errorf("copy %v of %v: %v, %v", x.Value, x.Type, src.Err(), dst.Err())
			continue
		}
		checkHeap(t, fmt.Sprintf("%v %q from %s to %s", x.Type, x.Value, x.From, x.To), h, x.Mem, x.Log)
	}
}

func TestOracleTaggedCopies(t *testing.T) {
	for _, x := range readVectors(t).TaggedCopies {
		units := []byte{}
		for _, r := range x.Text {
			units = appendUTF16(units, r)
		}
		src, _ := oracleMem("latin1+utf16")
		ptr, at := src.Allocate(uint32(len(units)), 2)
		copy(at, units)
		s := src.textAt(ptr, uint32(len(units)/2)|utf16Tag)
		dst, h := oracleMem(x.To)
		h.log = append(h.log, [5]uint32{})
		ptr, tagged := dst.storeText(s)
		if src.Err() != nil || dst.Err() != nil || ptr != x.Ptr || tagged != x.Tagged {
			t.Errorf("copy %q to %s: have %#x, %#x, %v, %v, want %#x, %#x", x.Text, x.To, ptr, tagged, src.Err(), dst.Err(), x.Ptr, x.Tagged)
		}
		checkHeap(t, fmt.Sprintf("%q to %s", x.Text, x.To), h, x.Mem, x.Log)
	}
}

func TestOracleFunctions(t *testing.T) {
	for _, x := range readVectors(t).Functions {
		ft := &wit.FuncType{Result: oracleType(x.Result)}
		for _, p := range x.Params {
			ft.Params = append(ft.Params, wit.Param{Type: oracleType(p)})
		}
		f, err := CompileFunc(ft)
		if err != nil {
			t.Errorf("compile %v: %v", x.Params, err)
			continue
		}
		for name, c := range map[string]struct {
			have FlatSig
			want string
		}{
			"lift": {f.Lift, x.Lift}, "lower": {f.Lower, x.Lower}, "lift async": {f.LiftAsync, x.LiftAsync},
			"lift callback": {f.LiftCallback, x.LiftCallback}, "lower async": {f.LowerAsync, x.LowerAsync},
		} {
			if have := coreNames(c.have.Params) + " -> " + coreNames(c.have.Results); have != c.want {
				t.Errorf("%s %v -> %v: have %s, want %s", name, x.Params, x.Result, have, c.want)
			}
		}
	}
}
