package validate

import (
	"fmt"
	"strings"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

// coreTypes gives equal core types the same CoreType. Two types are equal if
// their recursive groups are written the same, with references into the group
// relative to it.
type coreTypes struct {
	groups map[string][]*CoreType
	next   int64
	bytes  int // of the keys of groups
}

// Limits of the distinct core types of a component with all that is in it.
const (
	maxCoreTypes    = 100_000
	maxCoreTypeSize = 8 << 20 // bytes of keys
)

func newCoreTypes() *coreTypes { return &coreTypes{groups: map[string][]*CoreType{}} }

// group adds one recursive group to space, the types known so far in which
// type indices of the group are resolved, and returns its types.
func (c *coreTypes) group(rec []binary.CoreSubType, space func(uint32) (*CoreType, error), base int) ([]*CoreType, error) {
	g := &coreGroup{space: space, base: base, size: len(rec)}
	for i := range rec {
		g.sub(&rec[i])
	}
	if g.err != nil {
		return nil, g.err
	}
	key := g.key.String()
	if known, ok := c.groups[key]; ok {
		return known, nil
	}
	if n := int(c.next) + len(rec); n > maxCoreTypes {
		return nil, errcode.New(errcode.Exhausted, "distinct core types: %d > %d", n, maxCoreTypes)
	}
	if c.bytes += len(key); c.bytes > maxCoreTypeSize {
		return nil, errcode.New(errcode.Exhausted, "size of distinct core types: %d > %d", c.bytes, maxCoreTypeSize)
	}
	types := make([]*CoreType, len(rec))
	for i := range types {
		types[i] = &CoreType{number: c.next}
		c.next++
	}
	for i := range rec {
		types[i].CoreSubType = g.resolve(rec[i], types)
		for _, s := range rec[i].Supers {
			if t := g.at(s, types); t != nil {
				types[i].supers = append(types[i].supers, t)
			}
		}
	}
	c.groups[key] = types
	return types, nil
}

// coreGroup is one recursive group while it is resolved.
type coreGroup struct {
	space      func(uint32) (*CoreType, error)
	base, size int
	key        strings.Builder
	err        error
}

// at returns the type with index i; types are those of the group.
func (g *coreGroup) at(i uint32, types []*CoreType) *CoreType {
	if rel := int64(i) - int64(g.base); rel >= 0 && rel < int64(g.size) {
		return types[rel]
	}
	t, _ := g.space(i)
	return t
}

// ref writes a type index to the key.
func (g *coreGroup) ref(i uint32) {
	if rel := int64(i) - int64(g.base); rel >= 0 && rel < int64(g.size) {
		fmt.Fprintf(&g.key, "r%d;", rel)
		return
	}
	t, err := g.space(i)
	if err != nil {
		if g.err == nil {
			g.err = err
		}
		return
	}
	fmt.Fprintf(&g.key, "t%d;", t.number)
}

func (g *coreGroup) val(t binary.CoreValType) {
	fmt.Fprintf(&g.key, "%x;", t.Code)
	if t.Code == binary.CoreRef || t.Code == binary.CoreRefNull {
		if t.Heap >= 0 {
			g.ref(uint32(t.Heap))
		} else {
			fmt.Fprintf(&g.key, "a%d;", t.Heap)
		}
	}
}

func (g *coreGroup) sub(t *binary.CoreSubType) {
	fmt.Fprintf(&g.key, "%t %d(", t.Open, t.Kind)
	for _, s := range t.Supers {
		g.ref(s)
	}
	g.key.WriteByte('|')
	for _, p := range t.Func.Params {
		g.val(p)
	}
	g.key.WriteByte('|')
	for _, r := range t.Func.Results {
		g.val(r)
	}
	g.key.WriteByte('|')
	for _, f := range t.Fields {
		g.val(f.Type)
		fmt.Fprintf(&g.key, "%t", f.Mutable)
	}
	g.key.WriteByte(')')
}

// resolve returns t with type indices replaced by the numbers of types.
func (g *coreGroup) resolve(t binary.CoreSubType, types []*CoreType) binary.CoreSubType {
	vals := func(in []binary.CoreValType) []binary.CoreValType {
		out := make([]binary.CoreValType, len(in))
		for i, v := range in {
			out[i] = g.number(v, types)
		}
		return out
	}
	t.Func = binary.CoreFuncType{Params: vals(t.Func.Params), Results: vals(t.Func.Results)}
	fields := make([]binary.CoreField, len(t.Fields))
	for i, f := range t.Fields {
		f.Type = g.number(f.Type, types)
		fields[i] = f
	}
	t.Fields = fields
	return t
}

func (g *coreGroup) number(v binary.CoreValType, types []*CoreType) binary.CoreValType {
	if v.Heap > 0 || v.Heap == 0 && (v.Code == binary.CoreRef || v.Code == binary.CoreRefNull) {
		if t := g.at(uint32(v.Heap), types); t != nil {
			v.Heap = t.number
		}
	}
	return v
}

// fun returns the function type of the given numbers.
func (c *coreTypes) fun(params, results []byte) *CoreType {
	vals := func(codes []byte) (out []binary.CoreValType) {
		for _, c := range codes {
			out = append(out, binary.CoreValType{Code: c})
		}
		return out
	}
	rec := []binary.CoreSubType{{Func: binary.CoreFuncType{Params: vals(params), Results: vals(results)}}}
	types, _ := c.group(rec, nil, 0) // numbers refer to nothing
	return types[0]
}

// subtypeOf reports whether t is o or declared to be below it.
func (t *CoreType) subtypeOf(o *CoreType) bool {
	for depth := 0; t != nil && depth < maxDepth; depth++ {
		if t == o {
			return true
		}
		if len(t.supers) == 0 {
			return false
		}
		t = t.supers[0]
	}
	return false
}
