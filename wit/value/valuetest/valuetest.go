// Package valuetest makes random types and values for property tests.
package valuetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"latticework/wit"
	"latticework/wit/value"
)

// Gen makes types and values from a seed.
type Gen struct {
	*rand.Rand
	// Resources, if any, are those that own and borrow handles are made of.
	// A handle's rep is then a uint32 that the generator counts up.
	Resources []*wit.Resource

	handles uint32
}

// New returns a generator; it logs the seed if the test fails.
func New(t testing.TB, seed uint64) *Gen {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed of the failed run: %d", seed)
		}
	})
	return &Gen{Rand: rand.New(rand.NewPCG(seed, 0x1a77))}
}

var scalars = []wit.Kind{
	wit.KindBool, wit.KindS8, wit.KindU8, wit.KindS16, wit.KindU16, wit.KindS32,
	wit.KindU32, wit.KindS64, wit.KindU64, wit.KindF32, wit.KindF64, wit.KindChar,
	wit.KindString,
}

var compounds = []wit.Kind{
	wit.KindList, wit.KindFixedList, wit.KindMap, wit.KindRecord, wit.KindTuple,
	wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult, wit.KindFlags,
	wit.KindOwn, wit.KindBorrow,
}

// Type returns a random type that nests at most depth levels.
func (g *Gen) Type(depth int) *wit.Type {
	if depth <= 0 || g.IntN(4) == 0 {
		return wit.Primitive(scalars[g.IntN(len(scalars))])
	}
	k := compounds[g.IntN(len(compounds))]
	t := &wit.Type{Kind: k}
	switch k {
	case wit.KindList, wit.KindOption:
		t.Elem = g.Type(depth - 1)
	case wit.KindFixedList:
		t.Elem, t.Len = g.Type(depth-1), 1+g.Uint32N(4)
	case wit.KindMap:
		t.Key, t.Elem = wit.Primitive(scalars[g.IntN(len(scalars))]), g.Type(depth-1)
	case wit.KindRecord:
		for i := range 1 + g.IntN(5) {
			t.Fields = append(t.Fields, wit.Field{Name: fmt.Sprintf("f%d", i), Type: g.Type(depth - 1)})
		}
	case wit.KindTuple:
		for range 1 + g.IntN(5) {
			t.Fields = append(t.Fields, wit.Field{Type: g.Type(depth - 1)})
		}
	case wit.KindVariant:
		for i := range g.cases() {
			c := wit.Case{Name: fmt.Sprintf("c%d", i)}
			if i < 8 {
				c.Type = g.Maybe(depth - 1)
			}
			t.Cases = append(t.Cases, c)
		}
	case wit.KindEnum:
		for i := range g.cases() {
			t.Cases = append(t.Cases, wit.Case{Name: fmt.Sprintf("e%d", i)})
		}
	case wit.KindResult:
		t.Elem, t.Err = g.Maybe(depth-1), g.Maybe(depth-1)
	case wit.KindFlags:
		for i := range 1 + g.IntN(32) {
			t.Flags = append(t.Flags, fmt.Sprintf("b%d", i))
		}
	case wit.KindOwn, wit.KindBorrow:
		if len(g.Resources) == 0 {
			return g.Type(depth - 1)
		}
		t.Resource = g.Resources[g.IntN(len(g.Resources))]
	}
	return t
}

// cases returns a number of cases, seldom one that needs a wide discriminant.
func (g *Gen) cases() int {
	if g.IntN(20) == 0 {
		return 255 + g.IntN(4)
	}
	return 1 + g.IntN(6)
}

// Maybe returns a random type or nil.
func (g *Gen) Maybe(depth int) *wit.Type {
	if g.IntN(3) == 0 {
		return nil
	}
	return g.Type(depth)
}

// Value returns a random value of type t.
func (g *Gen) Value(t *wit.Type) value.Value {
	switch t.Kind {
	case wit.KindString:
		return value.String(g.Text())
	case wit.KindChar:
		return value.Char(g.char())
	case wit.KindList, wit.KindMap, wit.KindFixedList:
		return g.list(t)
	case wit.KindRecord:
		return value.Record(g.fields(t))
	case wit.KindTuple:
		return value.Tuple(g.fields(t))
	case wit.KindVariant:
		v := value.Variant{Case: g.IntN(len(t.Cases))}
		if pt := t.Cases[v.Case].Type; pt != nil {
			v.Payload = g.Value(pt)
		}
		return v
	case wit.KindEnum:
		return value.Enum(g.IntN(len(t.Cases)))
	case wit.KindOption:
		if g.IntN(2) == 0 {
			return value.Option{}
		}
		return value.Option{Value: g.Value(t.Elem)}
	case wit.KindResult:
		v := value.Result{IsErr: g.IntN(2) == 0}
		side := t.Elem
		if v.IsErr {
			side = t.Err
		}
		if side != nil {
			v.Value = g.Value(side)
		}
		return v
	case wit.KindFlags:
		return value.Flags{g.Uint32() & uint32(1<<len(t.Flags)-1)}
	case wit.KindOwn, wit.KindBorrow:
		g.handles++
		return value.Handle{Rep: g.handles, Resource: t.Resource, Owned: t.Kind == wit.KindOwn}
	}
	return g.scalar(t.Kind)
}

func (g *Gen) fields(t *wit.Type) []value.Value {
	vs := make([]value.Value, len(t.Fields))
	for i, f := range t.Fields {
		vs[i] = g.Value(f.Type)
	}
	return vs
}

func (g *Gen) list(t *wit.Type) value.Value {
	n := int(t.Len)
	if t.Kind != wit.KindFixedList {
		n = g.IntN(5)
	}
	if t.Elem.Kind == wit.KindU8 && t.Kind != wit.KindMap {
		b := make(value.Bytes, n)
		for i := range b {
			b[i] = byte(g.Uint32())
		}
		return b
	}
	vs := make(value.List, n)
	for i := range vs {
		if t.Kind == wit.KindMap {
			vs[i] = value.Tuple{g.Value(t.Key), g.Value(t.Elem)}
		} else {
			vs[i] = g.Value(t.Elem)
		}
	}
	return vs
}

// bits returns integers of which many are near the ends of their range.
func (g *Gen) bits() uint64 {
	switch g.IntN(4) {
	case 0:
		return g.Uint64()
	case 1:
		return g.Uint64N(300)
	case 2:
		return -g.Uint64N(300)
	}
	return 1<<g.IntN(64) - g.Uint64N(2)
}

func (g *Gen) scalar(k wit.Kind) value.Value {
	n := g.bits()
	switch k {
	case wit.KindBool:
		return value.Bool(n&1 == 1)
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
		if g.IntN(2) == 0 {
			return value.F32(float32(g.NormFloat64()))
		}
		return value.F32(math.Float32frombits(uint32(g.Uint64())))
	case wit.KindF64:
		if g.IntN(2) == 0 {
			return value.F64(g.NormFloat64())
		}
		return value.F64(math.Float64frombits(g.Uint64()))
	}
	panic(fmt.Sprintf("no value of kind %d", k))
}

func (g *Gen) char() rune {
	limits := []int{0x80, 0x100, 0x800, 0x10000, 0x110000}
	for {
		r := rune(g.IntN(limits[g.IntN(len(limits))]))
		if utf8.ValidRune(r) {
			return r
		}
	}
}

// Text returns a string of one of the kinds that the string encodings treat
// unlike: ASCII, Latin-1, any, and one that turns wide late.
func (g *Gen) Text() string {
	n := g.IntN(12)
	if g.IntN(30) == 0 {
		n = 200
	}
	kind := g.IntN(4)
	out := make([]rune, n)
	for i := range out {
		switch {
		case kind == 0 || kind == 3 && i < n-1:
			out[i] = rune(g.IntN(0x80))
		case kind == 1:
			out[i] = rune(g.IntN(0x100))
		default:
			out[i] = g.char()
		}
	}
	return string(out)
}
