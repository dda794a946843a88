package world

import (
	"strconv"
	"strings"

	"latticework/wit"
)

// describe returns the structure of a type written out, in which types of
// different models are the same if they are equal: a resource is known by its
// name and interface.
func describe(t *wit.Type) string {
	switch {
	case t == nil:
		return "_"
	case t.Kind <= wit.KindErrorContext:
		return t.Kind.String()
	}
	var b strings.Builder
	b.WriteString(t.Kind.String() + "<")
	if t.Resource != nil {
		b.WriteString(t.Resource.Interface + "#" + t.Resource.Name)
	}
	for _, f := range t.Fields {
		b.WriteString(f.Name + ":" + describe(f.Type) + ",")
	}
	for _, c := range t.Cases {
		b.WriteString(c.Name + "(" + describe(c.Type) + "),")
	}
	b.WriteString(strings.Join(t.Flags, ","))
	for _, p := range []*wit.Type{t.Key, t.Elem, t.Err} {
		if p != nil || t.Kind == wit.KindResult {
			b.WriteString(describe(p) + ";")
		}
	}
	if t.Len > 0 {
		b.WriteString(strconv.FormatUint(uint64(t.Len), 10))
	}
	return b.String() + ">"
}

func describeFunc(f *wit.FuncType) string {
	var b strings.Builder
	if f.Async {
		b.WriteString("async ")
	}
	for _, p := range f.Params {
		b.WriteString(p.Name + ":" + describe(p.Type) + ",")
	}
	return b.String() + "->" + describe(f.Result)
}
