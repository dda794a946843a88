package value

import (
	"latticework/internal/errcode"
	"latticework/wit"
)

// Encode appends v, a value of type t, to e. A value that is not of type t
// makes e fail with invalid.
func Encode(e *Encoder, t *wit.Type, v Value) { encode(e, t, v, 0) }

// Decode reads a value of type t; it returns nil if d has failed.
//
// The memory of the value is bounded by d.MaxDecoded, nesting by MaxDepth.
func Decode(d *Decoder, t *wit.Type) Value {
	v := decode(d, t, 0)
	if d.err != nil {
		return nil
	}
	return v
}

func encode(e *Encoder, t *wit.Type, v Value, depth int) {
	if e.err != nil {
		return
	}
	if t == nil || depth > MaxDepth {
		e.Fail(errcode.New(errcode.Invalid, "encode %s: nesting %d > %d", kindName(t), depth, MaxDepth))
		return
	}
	if err := checkShape(t, v); err != nil {
		e.Fail(errcode.New(errcode.Invalid, "encode %s: %w", kindName(t), err))
		return
	}
	switch v := v.(type) {
	case Bool:
		e.PutBool(bool(v))
	case S8:
		e.PutS8(int8(v))
	case U8:
		e.PutU8(uint8(v))
	case S16:
		e.PutS16(int16(v))
	case U16:
		e.PutU16(uint16(v))
	case S32:
		e.PutS32(int32(v))
	case U32:
		e.PutU32(uint32(v))
	case S64:
		e.PutS64(int64(v))
	case U64:
		e.PutU64(uint64(v))
	case F32:
		e.PutF32(float32(v))
	case F64:
		e.PutF64(float64(v))
	case Char:
		e.PutChar(rune(v))
	case String:
		e.PutString(string(v))
	default:
		encodeCompound(e, t, v, depth)
	}
}

func encodeCompound(e *Encoder, t *wit.Type, v Value, depth int) {
	switch v := v.(type) {
	case Bytes:
		if t.Kind == wit.KindList {
			e.PutLen(len(v))
		}
		e.Append(v)
	case List:
		if t.Kind != wit.KindFixedList {
			e.PutLen(len(v))
		}
		for _, x := range v {
			if t.Kind == wit.KindMap {
				pair := x.(Tuple)
				encode(e, t.Key, pair[0], depth+1)
				x = pair[1]
			}
			encode(e, t.Elem, x, depth+1)
		}
	case Record:
		for i, x := range v {
			encode(e, t.Fields[i].Type, x, depth+1)
		}
	case Tuple:
		for i, x := range v {
			encode(e, t.Fields[i].Type, x, depth+1)
		}
	case Variant:
		e.PutDisc(v.Case, len(t.Cases))
		if pt := t.Cases[v.Case].Type; pt != nil {
			encode(e, pt, v.Payload, depth+1)
		}
	case Enum:
		e.PutDisc(int(v), len(t.Cases))
	case Option:
		e.PutBool(v.Value != nil)
		if v.Value != nil {
			encode(e, t.Elem, v.Value, depth+1)
		}
	case Result:
		e.PutBool(v.IsErr)
		if v.Value != nil {
			encode(e, resultSide(t, v.IsErr), v.Value, depth+1)
		}
	case Flags:
		var bits uint32
		if len(v) > 0 {
			bits = v[0]
		}
		e.PutFlags(bits, len(t.Flags))
	case Handle:
		if v.Owned {
			e.PutOwn(v.Rep, t.Resource)
		} else {
			e.PutBorrow(v.Rep, t.Resource)
		}
	case Async:
		e.PutAsync(v.Rep, t)
	}
}

// charge counts n bytes of memory against the decoder's bound.
func (d *Decoder) charge(n int) bool {
	limit := d.MaxDecoded
	if limit == 0 {
		limit = DefaultMaxDecoded
	}
	if n > limit-d.used {
		d.Fail(errcode.New(errcode.Exhausted, "decode value: %d bytes of memory > %d", d.used+n, limit))
		return false
	}
	d.used += n
	return d.err == nil
}

// valueCost is the memory a value takes beside its contents: its slot in
// whatever holds it, and the box an interface needs.
const valueCost = 32

func decode(d *Decoder, t *wit.Type, depth int) Value {
	if d.err != nil || !d.charge(valueCost) {
		return nil
	}
	if t == nil || depth > MaxDepth {
		d.Fail(errcode.New(errcode.Invalid, "decode %s: nesting %d > %d", kindName(t), depth, MaxDepth))
		return nil
	}
	switch t.Kind {
	case wit.KindBool:
		return Bool(d.Bool())
	case wit.KindS8:
		return S8(d.S8())
	case wit.KindU8:
		return U8(d.U8())
	case wit.KindS16:
		return S16(d.S16())
	case wit.KindU16:
		return U16(d.U16())
	case wit.KindS32:
		return S32(d.S32())
	case wit.KindU32:
		return U32(d.U32())
	case wit.KindS64:
		return S64(d.S64())
	case wit.KindU64:
		return U64(d.U64())
	case wit.KindF32:
		return F32(d.F32())
	case wit.KindF64:
		return F64(d.F64())
	case wit.KindChar:
		return Char(d.Char())
	case wit.KindString:
		s := d.StringView()
		d.charge(len(s))
		return String(s)
	default:
		return decodeCompound(d, t, depth)
	}
}

func decodeCompound(d *Decoder, t *wit.Type, depth int) Value {
	switch t.Kind {
	case wit.KindList, wit.KindFixedList, wit.KindMap:
		return decodeList(d, t, depth)
	case wit.KindRecord:
		return Record(decodeFields(d, t.Fields, depth))
	case wit.KindTuple:
		return Tuple(decodeFields(d, t.Fields, depth))
	case wit.KindVariant:
		v := Variant{Case: d.Disc(len(t.Cases))}
		if d.err == nil && t.Cases[v.Case].Type != nil {
			v.Payload = decode(d, t.Cases[v.Case].Type, depth+1)
		}
		return v
	case wit.KindEnum:
		return Enum(d.Disc(len(t.Cases)))
	case wit.KindOption:
		if !d.Bool() {
			return Option{}
		}
		return Option{decode(d, t.Elem, depth+1)}
	case wit.KindResult:
		v := Result{IsErr: d.Bool()}
		if side := resultSide(t, v.IsErr); side != nil {
			v.Value = decode(d, side, depth+1)
		}
		return v
	case wit.KindFlags:
		return Flags{d.Flags(len(t.Flags))}
	case wit.KindOwn:
		return Handle{Rep: d.Own(t.Resource), Resource: t.Resource, Owned: true}
	case wit.KindBorrow:
		return Handle{Rep: d.Borrow(t.Resource), Resource: t.Resource}
	case wit.KindStream, wit.KindFuture, wit.KindErrorContext:
		return Async{d.Async(t)}
	}
	d.Fail(errcode.New(errcode.Invalid, "decode type of kind %d", t.Kind))
	return nil
}

func decodeFields(d *Decoder, fields []wit.Field, depth int) []Value {
	if !d.charge(len(fields) * 16) {
		return nil
	}
	vs := make([]Value, len(fields))
	for i := range vs {
		vs[i] = decode(d, fields[i].Type, depth+1)
	}
	return vs
}

func decodeList(d *Decoder, t *wit.Type, depth int) Value {
	byteList := t.Elem != nil && t.Elem.Kind == wit.KindU8 && t.Kind != wit.KindMap
	var n int
	switch t.Kind {
	case wit.KindFixedList:
		n = int(t.Len)
	case wit.KindMap:
		n = d.Len(minWire(t.Key, 0) + minWire(t.Elem, 0))
	default:
		n = d.Len(minWire(t.Elem, 0))
	}
	if byteList {
		b := d.take(n)
		if b == nil || !d.charge(n) {
			return nil
		}
		return Bytes(append(make([]byte, 0, n), b...))
	}
	if !d.charge(n * 16) {
		return nil
	}
	vs := make(List, n)
	for i := 0; i < n && d.err == nil; i++ {
		if t.Kind == wit.KindMap {
			d.charge(2 * 16)
			vs[i] = Tuple{decode(d, t.Key, depth+1), decode(d, t.Elem, depth+1)}
			continue
		}
		vs[i] = decode(d, t.Elem, depth+1)
	}
	return vs
}

// minWireMost ends the sum of minWire: a list whose elements take more is
// bounded well enough.
const minWireMost = 64

// minWire is a lower bound on the bytes that a value of t takes on the wire.
// It does not look into cases, so its cost is bounded for any type.
func minWire(t *wit.Type, depth int) int {
	if t == nil || depth > MaxDepth {
		return 0
	}
	switch t.Kind {
	case wit.KindF32:
		return 4
	case wit.KindF64:
		return 8
	case wit.KindFlags:
		return (len(t.Flags) + 7) / 8
	case wit.KindFixedList:
		return min(minWireMost, int(min(t.Len, minWireMost))*minWire(t.Elem, depth+1))
	case wit.KindRecord, wit.KindTuple:
		sum := 0
		for _, f := range t.Fields {
			if sum += minWire(f.Type, depth+1); sum >= minWireMost {
				return minWireMost
			}
		}
		return sum
	}
	return 1
}

// resultSide is the type of a result's ok or error side, nil without one.
func resultSide(t *wit.Type, isErr bool) *wit.Type {
	if isErr {
		return t.Err
	}
	return t.Elem
}
