package abi

import (
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/value"
)

// maxTypeSize bounds what a value of one type may take in memory: no list of
// a larger one could be passed.
const maxTypeSize = MaxListByteLength

// flatTooMany stands for any number of flat values beyond MaxFlatParams.
const flatTooMany = MaxFlatParams + 1

// Codec moves values of one type between memory layout, wire bytes, dynamic
// values and flat core values. It is immutable and safe for concurrent use.
type Codec struct {
	t     *wit.Type
	kind  wit.Kind
	size  uint32
	align uint32
	depth int
	flatN int // number of flat values, at most flatTooMany
	flat  []CoreType
	// wireMin is a lower bound on the bytes a value takes on the wire.
	wireMin int
	// plain: every bit pattern of size bytes is a value, and is the same
	// value in every guest; there is no padding.
	plain bool

	elem    *Codec       // list, fixed-length list, map (its pairs)
	length  uint32       // fixed-length list
	fields  []codecField // record, tuple
	cases   []*Codec     // variant and what despecializes to it; nil without payload
	payload uint32       // offset of the cases' payload
	disc    uint32       // size of the discriminant
}

type codecField struct {
	off uint32
	c   *Codec
}

// CompileType returns t's codec.
//
// Errors: invalid if t nests deeper than [value.MaxDepth], takes more than
// 2^28-1 bytes, has a record, tuple, variant, enum or flags of nothing, more
// than 32 flags, or a part that is missing.
func CompileType(t *wit.Type) (*Codec, error) {
	return newCompiler().compile(t, 0)
}

// Type returns the type the codec is for.
func (c *Codec) Type() *wit.Type { return c.t }

// Size returns the bytes a value takes in memory.
func (c *Codec) Size() uint32 { return c.size }

// Align returns a value's alignment in memory.
func (c *Codec) Align() uint32 { return c.align }

// Flat returns the core values a value is passed as, nil if they are more
// than MaxFlatParams; the caller must not change it.
func (c *Codec) Flat() []CoreType { return c.flat }

// compiler compiles each type once, though it be mentioned many times.
type compiler struct{ done map[*wit.Type]*Codec }

func newCompiler() *compiler { return &compiler{done: make(map[*wit.Type]*Codec)} }

func refuse(t *wit.Type, format string, args ...any) error {
	name := "anonymous type"
	if t != nil && t.Name != "" {
		name = t.Name
	}
	return errcode.New(errcode.Invalid, "compile type %s: "+format, append([]any{name}, args...)...)
}

func (k *compiler) compile(t *wit.Type, depth int) (*Codec, error) {
	if t == nil {
		return nil, refuse(t, "a part of it is missing")
	}
	if depth > value.MaxDepth {
		return nil, refuse(t, "nesting %d > %d", depth, value.MaxDepth)
	}
	if c := k.done[t]; c != nil {
		if depth+c.depth > value.MaxDepth {
			return nil, refuse(t, "nesting %d > %d", depth+c.depth, value.MaxDepth)
		}
		return c, nil
	}
	c := &Codec{t: t, kind: t.Kind, wireMin: 1}
	if err := k.shape(c, depth); err != nil {
		return nil, err
	}
	k.done[t] = c
	return c, nil
}

// shape fills c in from its type.
func (k *compiler) shape(c *Codec, depth int) error {
	t := c.t
	switch t.Kind {
	case wit.KindBool:
		c.scalar(1, I32, false)
	case wit.KindS8, wit.KindU8:
		c.scalar(1, I32, true)
	case wit.KindS16, wit.KindU16:
		c.scalar(2, I32, true)
	case wit.KindS32, wit.KindU32:
		c.scalar(4, I32, true)
	case wit.KindS64, wit.KindU64:
		c.scalar(8, I64, true)
	case wit.KindF32:
		c.scalar(4, F32, false)
		c.wireMin = 4
	case wit.KindF64:
		c.scalar(8, F64, false)
		c.wireMin = 8
	case wit.KindChar, wit.KindOwn, wit.KindBorrow,
		wit.KindStream, wit.KindFuture, wit.KindErrorContext:
		c.scalar(4, I32, false)
	case wit.KindString:
		c.pair()
	case wit.KindFlags:
		n := len(t.Flags)
		if n == 0 || n > 32 {
			return refuse(t, "%d flags, want 1 to 32", n)
		}
		size := flagsSize(n)
		c.scalar(size, I32, n == 8*int(size))
		c.wireMin = (n + 7) / 8
	case wit.KindList:
		c.pair()
		return k.element(c, t.Elem, depth)
	case wit.KindMap:
		c.pair()
		return k.element(c, &wit.Type{Kind: wit.KindTuple, Fields: []wit.Field{{Type: t.Key}, {Type: t.Elem}}}, depth)
	case wit.KindFixedList:
		return k.fixedList(c, depth)
	case wit.KindRecord, wit.KindTuple:
		if len(t.Fields) == 0 {
			return refuse(t, "a record or tuple of nothing")
		}
		return k.record(c, depth)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return k.despecialize(c, depth)
	default:
		return refuse(t, "unknown kind %d", t.Kind)
	}
	return nil
}

// despecialize compiles what the specification takes as a variant.
func (k *compiler) despecialize(c *Codec, depth int) error {
	t := c.t
	switch t.Kind {
	case wit.KindOption:
		if t.Elem == nil {
			return refuse(t, "a part of it is missing")
		}
		return k.variant(c, []*wit.Type{nil, t.Elem}, depth)
	case wit.KindResult:
		return k.variant(c, []*wit.Type{t.Elem, t.Err}, depth)
	}
	if len(t.Cases) == 0 {
		return refuse(t, "a variant or enum without cases")
	}
	types := make([]*wit.Type, len(t.Cases))
	for i, cs := range t.Cases {
		types[i] = cs.Type
	}
	return k.variant(c, types, depth)
}

// scalar is one core value of size bytes.
func (c *Codec) scalar(size uint32, core CoreType, plain bool) {
	c.size, c.align, c.plain = size, size, plain
	c.flat, c.flatN = []CoreType{core}, 1
}

// pair is a pointer and a length.
func (c *Codec) pair() {
	c.size, c.align = 8, 4
	c.flat, c.flatN = []CoreType{I32, I32}, 2
}

// part compiles t as a part of c.
func (k *compiler) part(c *Codec, t *wit.Type, depth int) (*Codec, error) {
	p, err := k.compile(t, depth+1)
	if err == nil {
		c.depth = max(c.depth, p.depth+1)
	}
	return p, err
}

func (k *compiler) element(c *Codec, t *wit.Type, depth int) (err error) {
	c.elem, err = k.part(c, t, depth)
	return err
}

func (k *compiler) fixedList(c *Codec, depth int) error {
	if c.t.Len == 0 {
		return refuse(c.t, "a fixed-length list of nothing")
	}
	if err := k.element(c, c.t.Elem, depth); err != nil {
		return err
	}
	e, n := c.elem, uint64(c.t.Len)
	if n*uint64(e.size) > maxTypeSize {
		return refuse(c.t, "%d elements of %d bytes > %d bytes", n, e.size, maxTypeSize)
	}
	c.length, c.size, c.align, c.plain = c.t.Len, uint32(n)*e.size, e.align, e.plain
	c.wireMin = int(n) * e.wireMin
	c.flatN = int(min(n*uint64(e.flatN), flatTooMany))
	if c.flatN <= MaxFlatParams {
		for range n {
			c.flat = append(c.flat, e.flat...)
		}
	}
	return nil
}

// record lays out c.t.Fields, of which there may be none for parameters.
func (k *compiler) record(c *Codec, depth int) error {
	c.fields = make([]codecField, len(c.t.Fields))
	c.align, c.plain, c.wireMin = 1, true, 0
	var end, sum uint64
	for i, f := range c.t.Fields {
		fc, err := k.part(c, f.Type, depth)
		if err != nil {
			return err
		}
		off := alignTo(end, fc.align)
		end = off + uint64(fc.size)
		if end > maxTypeSize {
			return refuse(c.t, "%d bytes > %d", end, maxTypeSize)
		}
		sum += uint64(fc.size)
		c.fields[i] = codecField{uint32(off), fc}
		c.align = max(c.align, fc.align)
		c.plain = c.plain && fc.plain
		c.wireMin += fc.wireMin
		c.flatN = min(c.flatN+fc.flatN, flatTooMany)
		c.flat = append(c.flat, fc.flat...)
	}
	size := alignTo(end, c.align)
	c.size, c.plain = uint32(size), c.plain && size == sum
	if c.flatN > MaxFlatParams {
		c.flat = nil
	}
	return nil
}

func (k *compiler) variant(c *Codec, types []*wit.Type, depth int) error {
	c.disc = discSize(len(types))
	c.cases = make([]*Codec, len(types))
	c.flat, c.flatN = []CoreType{I32}, 1
	maxAlign, maxSize := uint32(1), uint32(0)
	for i, t := range types {
		if t == nil {
			continue
		}
		cc, err := k.part(c, t, depth)
		if err != nil {
			return err
		}
		c.cases[i] = cc
		maxAlign, maxSize = max(maxAlign, cc.align), max(maxSize, cc.size)
		c.flatN = max(c.flatN, min(1+cc.flatN, flatTooMany))
		for j, ft := range cc.flat {
			if j+1 < len(c.flat) {
				c.flat[j+1] = join(c.flat[j+1], ft)
			} else {
				c.flat = append(c.flat, ft)
			}
		}
	}
	if c.flatN > MaxFlatParams {
		c.flat = nil
	}
	c.align = max(c.disc, maxAlign)
	c.payload = uint32(alignTo(uint64(c.disc), maxAlign))
	size := alignTo(uint64(c.payload)+uint64(maxSize), c.align)
	if size > maxTypeSize {
		return refuse(c.t, "%d bytes > %d", size, maxTypeSize)
	}
	c.size = uint32(size)
	return nil
}
