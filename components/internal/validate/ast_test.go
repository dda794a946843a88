package validate

import (
	"slices"
	"strings"
	"testing"

	b "latticework/components/internal/binary"
	"latticework/internal/errcode"
)

// defs makes a component of items; offsets are positions in the list.
func defs(items ...b.Item) *b.Component {
	c := &b.Component{}
	for i, item := range items {
		c.Defs = append(c.Defs, b.Def{Offset: i, Item: item})
	}
	return c
}

func prim(p b.Prim) *b.ValType   { return &b.ValType{Prim: p} }
func index(i uint32) *b.ValType  { return &b.ValType{Index: i} }
func name(s string) b.ExternName { return b.ExternName{Name: s} }
func fixed(e *b.ValType, n uint32) *b.Type {
	return &b.Type{Kind: b.TypeFixedList, Elem: e, Len: n}
}
func tuple(es ...*b.ValType) *b.Type {
	t := &b.Type{Kind: b.TypeTuple}
	for _, e := range es {
		t.Fields = append(t.Fields, b.Field{Type: *e})
	}
	return t
}

// verdict is a component and the error that it must give, "" for none.
type verdict struct {
	name string
	c    *b.Component
	code errcode.Code
	msg  string
}

func check(t *testing.T, tests []verdict) {
	t.Helper()
	for _, tt := range tests {
		err := Validate(tt.c, nil)
		switch {
		case tt.code == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.code != "" && (errcode.Of(err) != tt.code || !strings.Contains(err.Error(), tt.msg)):
			t.Errorf("%s: %s error %v, want %s error with %q", tt.name, errcode.Of(err), err, tt.code, tt.msg)
		}
	}
}

func TestElementSize(t *testing.T) {
	u8, u64, str := prim(b.PrimU8), prim(b.PrimU64), prim(b.PrimString)
	mapOf := func(v *b.ValType) *b.Type { return &b.Type{Kind: b.TypeMap, Key: u8, Elem: v} }
	const msg = "exceeds maximum byte size"
	check(t, []verdict{
		{"largest of u8", defs(fixed(u8, 1<<28-1)), "", ""},
		{"largest of u64", defs(fixed(u64, 1<<25-1)), "", ""},
		{"largest of strings", defs(fixed(str, 1<<24-1)), "", ""},
		{"sum", defs(fixed(u8, 1<<28-2), fixed(u8, 1), tuple(index(0), index(1))), "", ""},
		{"map", defs(fixed(u8, 1<<28-1), mapOf(index(0))), "", ""},
		{"stream", defs(fixed(u8, 1<<28-1), &b.Type{Kind: b.TypeStream, Elem: index(0)}), "", ""},
		{"over", defs(fixed(u8, 1<<28)), errcode.Invalid, msg},
		{"product over", defs(fixed(u64, 1<<25)), errcode.Invalid, msg},
		{"product over 32 bits", defs(fixed(u64, 1<<29)), errcode.Invalid, msg},
		{"sum over", defs(fixed(u8, 1<<28-1), fixed(u8, 1), tuple(index(0), index(1))), errcode.Invalid, msg},
		{"nested over", defs(fixed(u8, 1<<28-1), fixed(index(0), 2)), errcode.Invalid, msg},
		{"64-bit pointers over", defs(fixed(str, 1<<24)), errcode.Invalid, msg},
		{"option over by its discriminant", defs(fixed(u8, 1<<28-1), &b.Type{Kind: b.TypeOption, Elem: index(0)}), errcode.Invalid, msg},
		{"empty list", defs(fixed(u8, 0)), errcode.Invalid, "more than zero"},
	})
}

func TestTypeLimits(t *testing.T) {
	wide := []b.Item{tuple(prim(b.PrimU8))}
	for i := range uint32(30) {
		wide = append(wide, &b.Type{Kind: b.TypeResult, Elem: index(i), Err: index(i)})
	}
	deep := []b.Item{&b.Type{Kind: b.TypeList, Elem: prim(b.PrimU8)}}
	for i := range uint32(200) {
		deep = append(deep, &b.Type{Kind: b.TypeList, Elem: index(i)})
	}
	// Each component makes twice the resources of the one before.
	doubling := defs(&b.Type{Kind: b.TypeResource, Resource: &b.ResourceType{Rep: b.CoreValType{Code: b.CoreI32}}})
	for range 40 {
		doubling = defs(doubling, &b.Instance{Component: 0}, &b.Instance{Component: 0})
	}
	check(t, []verdict{
		{"doubling type", defs(wide...), errcode.Exhausted, "effective type size"},
		{"deep type", defs(deep...), errcode.Exhausted, "type nesting: 101 > 100"},
		{"doubling resources", doubling, errcode.Exhausted, "resource types of one component"},
	})
}

func TestWorkIsBounded(t *testing.T) {
	// One instance type with many functions, imported and given many times.
	decls := []b.Decl{{Item: &b.Type{Kind: b.TypeFunc, Func: &b.FuncType{}}},
		{Item: &b.ExportDecl{Name: name("r"), Type: b.ExternType{Sort: b.SortType, Bound: b.BoundSub}}}}
	for i := range 2000 {
		decls = append(decls, b.Decl{Item: &b.ExportDecl{
			Name: name("f" + strings.Repeat("-a", i%50) + "-b" + strings.Repeat("-c", i/50)), Type: b.ExternType{Sort: b.SortFunc},
		}})
	}
	items := []b.Item{&b.Type{Kind: b.TypeInstance, Decls: decls}}
	for i := range 3000 {
		items = append(items, &b.Import{Name: name("i" + strings.Repeat("-a", i%60) + "-b" + strings.Repeat("-c", i/60)),
			Type: b.ExternType{Sort: b.SortInstance}})
	}
	check(t, []verdict{{"many copies", defs(items...), errcode.Exhausted, "validation steps"}})
}

// TestCoreTypesAreBounded: a component may have many core types, of some size,
// and not more.
func TestCoreTypesAreBounded(t *testing.T) {
	group := func(n, params int) *b.CoreType {
		g := &b.CoreType{Group: true}
		for range n {
			f := b.CoreFuncType{Params: slices.Repeat([]b.CoreValType{{Code: b.CoreI64}}, params)}
			g.Rec = append(g.Rec, b.CoreSubType{Kind: b.CoreFuncKind, Func: f})
		}
		return g
	}
	check(t, []verdict{
		{"many types", defs(group(maxCoreTypes, 0)), "", ""},
		{"one too many", defs(group(maxCoreTypes, 0), group(1, 0)), errcode.Exhausted, "100001 > 100000"},
		{"the same again", defs(group(1, 0), group(maxCoreTypes-1, 0), group(1, 0)), "", ""},
		{"large types", defs(group(3_000, 1_000)), errcode.Exhausted, "size of distinct core types"},
	})
}

func TestUnsupported(t *testing.T) {
	i64, i32 := b.CoreValType{Code: b.CoreI64}, b.CoreValType{Code: b.CoreI32}
	suffix := ".2.3"
	check(t, []verdict{
		{"value", defs(&b.Value{Type: *prim(b.PrimU8)}), errcode.Unsupported, "value"},
		{"value import", defs(&b.Import{Name: name("v"), Type: b.ExternType{Sort: b.SortValue, Bound: b.BoundType}}), errcode.Unsupported, "value"},
		{"context of floats", defs(&b.Canon{Kind: b.CanonContextGet, ValType: b.CoreValType{Code: b.CoreF32}}), errcode.Invalid, "requires type i32"},
		{"async error-context", defs(&b.Canon{Kind: b.CanonErrorContextNew, Options: []b.CanonOption{{Kind: b.OptAsync}}}), errcode.Invalid, "`async` option on `error-context.new`"},
		{"version suffix of a label", defs(&b.Type{Kind: b.TypeFunc, Func: &b.FuncType{}}, &b.Import{Name: b.ExternName{Name: "a", VersionSuffix: &suffix}, Type: b.ExternType{Sort: b.SortFunc}}),
			errcode.Invalid, "is not valid with `versionsuffix`"},
		{"64-bit context", defs(&b.Canon{Kind: b.CanonContextGet, ValType: i64}), errcode.Unsupported, "64-bit"},
		{"context slot", defs(&b.Canon{Kind: b.CanonContextGet, ValType: i32, Slot: 2}), errcode.Invalid, "2 > 1"},
		{"context", defs(&b.Canon{Kind: b.CanonContextSet, ValType: i32, Slot: 1}), "", ""},
		{"threads", defs(&b.Canon{Kind: b.CanonThreadAvailParallel}), errcode.Unsupported, "`thread.available-parallelism`"},
		{"spawn", defs(&b.Canon{Kind: b.CanonThreadSpawnRef}), errcode.Unsupported, "`thread.spawn-ref`"},
		{"spawn from a table", defs(&b.Canon{Kind: b.CanonThreadSpawnIndirect}), errcode.Unsupported, "`thread.spawn-indirect`"},
		{"gc", defs(&b.Canon{Kind: b.CanonTaskReturn, Options: []b.CanonOption{{Kind: b.OptGC}}}), errcode.Unsupported, "`gc`"},
		{"start of an unknown function", defs(&b.Start{}), errcode.Invalid, "index out of bounds"},
	})
}

func TestCanonOptions(t *testing.T) {
	str := &b.Type{Kind: b.TypePrim, Elem: prim(b.PrimString)}
	stream := &b.Type{Kind: b.TypeStream, Elem: prim(b.PrimU8)}
	void := &b.Type{Kind: b.TypeStream}
	read := func(i uint32) *b.Canon { return &b.Canon{Kind: b.CanonStreamRead, Type: i} }
	check(t, []verdict{
		{"read of nothing", defs(void, read(0)), "", ""},
		{"read needs memory", defs(stream, read(0)), errcode.Invalid, "`memory` is required"},
		{"read of no stream", defs(str, read(0)), errcode.Invalid, "is not a stream type"},
		{"future of a stream", defs(stream, &b.Canon{Kind: b.CanonFutureNew}), errcode.Invalid, "is not a future type"},
		{"task.return of a string", defs(&b.Canon{Kind: b.CanonTaskReturn, Result: prim(b.PrimString)}), errcode.Invalid, "`memory` is required"},
		{"task.return with async", defs(&b.Canon{Kind: b.CanonTaskReturn, Options: []b.CanonOption{{Kind: b.OptAsync}}}), errcode.Invalid, "`async` option on `task.return`"},
		{"encoding twice", defs(&b.Canon{Kind: b.CanonTaskReturn, Options: []b.CanonOption{{}, {}}}), errcode.Invalid, "conflicts with option"},
		{"callback without async", defs(&b.Canon{Kind: b.CanonTaskReturn, Options: []b.CanonOption{{Kind: b.OptCallback}}}), errcode.Invalid, "callback"},
		{"error-context without memory", defs(&b.Canon{Kind: b.CanonErrorContextNew}), errcode.Invalid, "`memory` is required"},
		{"unknown memory", defs(&b.Canon{Kind: b.CanonWaitableSetWait}), errcode.Invalid, "memory index out of bounds"},
	})
}

func TestBorrowRules(t *testing.T) {
	res := &b.Import{Name: name("r"), Type: b.ExternType{Sort: b.SortType, Bound: b.BoundSub}}
	borrow := &b.Type{Kind: b.TypeBorrow, Index: 0}
	check(t, []verdict{
		{"in a stream", defs(res, borrow, &b.Type{Kind: b.TypeStream, Elem: index(1)}), errcode.Invalid, "cannot contain a `borrow`"},
		{"in a future's list", defs(res, borrow, &b.Type{Kind: b.TypeList, Elem: index(1)}, &b.Type{Kind: b.TypeFuture, Elem: index(2)}), errcode.Invalid, "cannot contain a `borrow`"},
		{"in task.return", defs(res, borrow, &b.Canon{Kind: b.CanonTaskReturn, Result: index(1)}), errcode.Invalid, "cannot contain a `borrow`"},
		{"as a parameter", defs(res, borrow, &b.Type{Kind: b.TypeFunc, Func: &b.FuncType{Params: []b.Field{{Name: "x", Type: *index(1)}}}}), "", ""},
		{"as a map key", defs(res, borrow, &b.Type{Kind: b.TypeMap, Key: index(1), Elem: index(1)}), errcode.Invalid, "key type"},
	})
}

func TestCheckReportsTypes(t *testing.T) {
	imp := &b.Import{Name: name("f"), Type: b.ExternType{Sort: b.SortFunc}}
	low := &b.Canon{Kind: b.CanonLower}
	c := defs(&b.Type{Kind: b.TypeFunc, Func: &b.FuncType{
		Params: []b.Field{{Name: "x", Type: *prim(b.PrimF32)}}, Result: prim(b.PrimU64),
	}}, imp, low)
	info, err := Check(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := info.Type.Imports.Get("f")
	if !ok || e.Type != info.Canon[low] || e.Type.Fields[0].Type.Prim != b.PrimF32 {
		t.Errorf("import is %+v, lowered %+v", e, info.Canon[low])
	}
	params, results := info.CoreFunc[low].CoreSignature()
	if string(params) != string([]byte{b.CoreF32}) || string(results) != string([]byte{b.CoreI64}) {
		t.Errorf("core signature is %x -> %x", params, results)
	}
}
