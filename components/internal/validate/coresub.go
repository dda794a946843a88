package validate

import (
	"fmt"
	"strings"

	"latticework/components/internal/binary"
)

// subModule checks that a module of type got can be given for want: got
// imports no more than want does, and exports no less.
func (v *validator) subModule(got, want *ModuleType) error {
	if err := v.spend(len(got.Imports) + len(want.Imports) + len(want.Exports)); err != nil {
		return err
	}
	imports := make(map[[2]string]CoreEntity, len(want.Imports))
	for _, w := range want.Imports {
		imports[[2]string{w.Module, w.Name}] = w.CoreEntity
	}
	for _, g := range got.Imports {
		w, ok := imports[[2]string{g.Module, g.Name}]
		if !ok {
			return invalid("missing expected import `%s::%s`", g.Module, g.Name)
		}
		if err := subCore(w, g.CoreEntity); err != nil {
			return invalid("type mismatch in import `%s::%s`: %w", g.Module, g.Name, err)
		}
	}
	for _, w := range want.Exports {
		g, ok := got.export(w.Name)
		if !ok {
			return invalid("missing expected export `%s`", w.Name)
		}
		if err := subCore(g, w.CoreEntity); err != nil {
			return invalid("type mismatch in export `%s`: %w", w.Name, err)
		}
	}
	return nil
}

// subCore checks that got can be given where want is imported.
func subCore(got, want CoreEntity) error {
	if got.Sort != want.Sort {
		return invalid("expected %s, found %s", coreWords[want.Sort], coreWords[got.Sort])
	}
	switch want.Sort {
	case binary.SortCoreFunc:
		if !got.Func.subtypeOf(want.Func) {
			return invalid("expected: %s found: %s", want.Func.text(), got.Func.text())
		}
	case binary.SortCoreTag:
		if got.Func != want.Func {
			return invalid("expected: %s found: %s", want.Func.text(), got.Func.text())
		}
	case binary.SortCoreTable:
		if got.Extern.Val != want.Extern.Val {
			return invalid("expected table element type %s, found %s", valText(want.Extern.Val), valText(got.Extern.Val))
		}
		if !subLimits(got.Extern.Limits, want.Extern.Limits) {
			return invalid("mismatch in table limits")
		}
	case binary.SortCoreMemory:
		if got.Extern.Limits.Shared != want.Extern.Limits.Shared {
			return invalid("mismatch in the shared flag for memories")
		}
		if !subLimits(got.Extern.Limits, want.Extern.Limits) {
			return invalid("mismatch in memory limits")
		}
	case binary.SortCoreGlobal:
		if got.Extern.Mutable != want.Extern.Mutable {
			return invalid("global types differ in mutability")
		}
		if !subVal(got.Extern.Val, want.Extern.Val, want.Extern.Mutable) {
			return invalid("expected global type %s, found %s", valText(want.Extern.Val), valText(got.Extern.Val))
		}
	}
	return nil
}

// subVal checks core value types: those of immutable globals may lose being
// non-null.
func subVal(got, want binary.CoreValType, exact bool) bool {
	if got == want {
		return true
	}
	return !exact && got.Code == binary.CoreRef && want.Code == binary.CoreRefNull && got.Heap == want.Heap
}

func subLimits(got, want binary.CoreLimits) bool {
	return got.Is64 == want.Is64 && got.PageLog2 == want.PageLog2 && got.Min >= want.Min &&
		(!want.HasMax || got.HasMax && got.Max <= want.Max)
}

var coreNames = map[byte]string{
	binary.CoreI32: "i32", binary.CoreI64: "i64", binary.CoreF32: "f32", binary.CoreF64: "f64",
	binary.CoreV128: "v128",
}

var heapNames = map[int64]string{
	binary.HeapFunc: "func", binary.HeapExtern: "extern", -0x12: "any", -0x13: "eq", -0x14: "i31",
	-0x15: "struct", -0x16: "array", -0x17: "exn", -0x0c: "noexn", -0x0d: "nofunc", -0x0e: "noextern", -0x0f: "none",
}

func valText(t binary.CoreValType) string {
	if n := coreNames[t.Code]; n != "" {
		return n
	}
	heap := heapNames[t.Heap]
	switch {
	case t.Code == binary.CoreRefNull && heap != "":
		return heap + "ref"
	case heap == "":
		heap = fmt.Sprintf("$type%d", t.Heap)
	}
	if t.Code == binary.CoreRefNull {
		heap = "null " + heap
	}
	return "(ref " + heap + ")"
}

// text returns t as in the text format, such as "(func (param i32))".
func (t *CoreType) text() string {
	var b strings.Builder
	b.WriteString("(func")
	list := func(what string, ts []binary.CoreValType) {
		if len(ts) == 0 {
			return
		}
		b.WriteString(" (" + what)
		for _, t := range ts {
			b.WriteString(" " + valText(t))
		}
		b.WriteString(")")
	}
	list("param", t.Func.Params)
	list("result", t.Func.Results)
	b.WriteString(")")
	return b.String()
}
