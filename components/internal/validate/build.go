package validate

import (
	"math"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

// Limits of types.
const (
	maxNodes    = 1_000_000 // nodes of a type written out as a tree
	maxDepth    = 100       // depth of that tree
	maxFlags    = 32
	maxElemSize = 1 << 28 // bytes of a value type's element, exclusive
)

// seal computes the facts of t, whose parts are sealed already, and checks
// the limits.
func (v *validator) seal(t *Type) (*Type, error) {
	if err := v.spend(1 + len(t.Fields)); err != nil {
		return nil, err
	}
	t.nodes, t.depth = 1+len(t.Fields), 1
	part := func(p *Type) {
		if p == nil {
			return
		}
		t.nodes = min(t.nodes+p.nodes, math.MaxInt32)
		t.depth = max(t.depth, p.depth+1)
		t.resources = t.resources || p.resources
		t.borrow = t.borrow || p.borrow
		t.pointer = t.pointer || p.pointer
	}
	for _, f := range t.Fields {
		part(f.Type)
	}
	part(t.Elem)
	part(t.Err)
	part(t.Key)
	t.externs(part)
	switch t.Kind {
	case KindResource:
		t.resources = true
	case KindBorrow:
		t.borrow = true
	case KindPrim:
		t.pointer = t.Prim == binary.PrimString
	case KindList, KindMap:
		t.pointer = true
	case KindStream, KindFuture:
		t.pointer = false
	case KindFunc, KindComponent, KindInstance:
		t.borrow, t.pointer = false, false
	}
	if t.nodes > maxNodes {
		return nil, errcode.New(errcode.Exhausted, "effective type size: %d > %d", t.nodes, maxNodes)
	}
	if t.depth > maxDepth {
		return nil, errcode.New(errcode.Exhausted, "type nesting: %d > %d", t.depth, maxDepth)
	}
	if t.Value() {
		t.size, t.align = layout(t)
		if t.size >= maxElemSize {
			return nil, invalid("type exceeds maximum byte size: %d >= %d", t.size, maxElemSize)
		}
	}
	return t, nil
}

// externs calls part with the types that t's imports and exports mention.
func (t *Type) externs(part func(*Type)) {
	lists := [2][]Extern{}
	switch t.Kind {
	case KindComponent:
		lists = [2][]Extern{t.Component.Imports.List, t.Component.Exports.List}
	case KindInstance:
		lists[0] = t.Instance.Exports.List
	}
	for _, l := range lists {
		for i := range l {
			part(l[i].Type)
		}
	}
}

// layout returns size and alignment of an element of t in a 64-bit memory.
func layout(t *Type) (size, align uint64) {
	switch t.Kind {
	case KindPrim:
		return primLayout(t.Prim)
	case KindList, KindMap:
		return 16, 8
	case KindFixedList:
		return uint64(t.Len) * t.Elem.size, t.Elem.align
	case KindRecord, KindTuple:
		align = 1
		for _, f := range t.Fields {
			size = alignTo(size, f.Type.align) + f.Type.size
			align = max(align, f.Type.align)
		}
		return alignTo(size, align), align
	case KindVariant:
		parts := make([]*Type, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Type
		}
		return variantLayout(parts)
	case KindEnum:
		s := discriminant(len(t.Fields))
		return s, s
	case KindOption:
		return variantLayout([]*Type{nil, t.Elem})
	case KindResult:
		return variantLayout([]*Type{t.Elem, t.Err})
	case KindFlags:
		switch n := len(t.Fields); {
		case n <= 8:
			return 1, 1
		case n <= 16:
			return 2, 2
		}
	}
	return 4, 4
}

func variantLayout(parts []*Type) (size, align uint64) {
	d := discriminant(len(parts))
	payload, most := uint64(0), uint64(1)
	for _, p := range parts {
		if p != nil {
			payload, most = max(payload, p.size), max(most, p.align)
		}
	}
	align = max(d, most)
	return alignTo(alignTo(d, most)+payload, align), align
}

// discriminant returns the bytes that tell n cases apart.
func discriminant(n int) uint64 {
	switch {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	}
	return 4
}

func alignTo(n, align uint64) uint64 { return (n + align - 1) / align * align }

func primLayout(p binary.Prim) (size, align uint64) {
	switch p {
	case binary.PrimBool, binary.PrimS8, binary.PrimU8:
		return 1, 1
	case binary.PrimS16, binary.PrimU16:
		return 2, 2
	case binary.PrimS64, binary.PrimU64, binary.PrimF64:
		return 8, 8
	case binary.PrimString:
		return 16, 8
	}
	return 4, 4
}
