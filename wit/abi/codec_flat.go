package abi

import (
	"latticework/internal/errcode"
	"latticework/wit"
)

// Spill writes the value that flat holds as core values to b in the memory
// layout, from which Load and its like read and check the rest: together they
// are lift_flat in definitions.py. Values of a variant that its core type
// widened are cut back to their own.
//
// flat must hold len(c.Flat()) values; an i32 or f32 is the low half of its
// element. Pointers stay pointers.
//
// Errors: trap if a case does not exist; internal if the type has more flat
// values than calls pass.
func (c *Codec) Spill(flat []uint64, b []byte) error {
	if c.flatN > MaxFlatParams {
		return c.tooFlat()
	}
	return c.spill(flat, b)
}

func (c *Codec) spill(flat []uint64, b []byte) error {
	switch c.kind {
	case wit.KindBool:
		b[0] = 0
		if uint32(flat[0]) != 0 {
			b[0] = 1
		}
	case wit.KindString, wit.KindList, wit.KindMap:
		le.PutUint32(b, uint32(flat[0]))
		le.PutUint32(b[4:], uint32(flat[1]))
	case wit.KindFixedList:
		e := c.elem
		for i := range int(c.length) {
			if err := e.spill(flat[i*e.flatN:], b[i*int(e.size):]); err != nil {
				return err
			}
		}
	case wit.KindRecord, wit.KindTuple:
		for i := range c.fields {
			f := &c.fields[i]
			if err := f.c.spill(flat, b[f.off:]); err != nil {
				return err
			}
			flat = flat[f.c.flatN:]
		}
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		i := uint32(flat[0])
		if uint64(i) >= uint64(len(c.cases)) {
			return errcode.New(errcode.Trap, "lift case: %d of %d cases", i, len(c.cases))
		}
		writeDisc(b, i, c.disc)
		if cc := c.cases[i]; cc != nil {
			return cc.spill(flat[1:], b[c.payload:])
		}
	default:
		switch c.size {
		case 1:
			b[0] = byte(flat[0])
		case 2:
			le.PutUint16(b, uint16(flat[0]))
		case 4:
			le.PutUint32(b, uint32(flat[0]))
		default:
			le.PutUint64(b, flat[0])
		}
	}
	return nil
}

// Unspill reads the value at b, which Store or its like wrote, into flat as
// core values; what its case does not use is zero. Together they are
// lower_flat in definitions.py.
//
// Errors: internal if b holds no value of the type, or if the type has more
// flat values than calls pass.
func (c *Codec) Unspill(b []byte, flat []uint64) error {
	if c.flatN > MaxFlatParams {
		return c.tooFlat()
	}
	return c.unspill(b, flat)
}

func (c *Codec) unspill(b []byte, flat []uint64) error {
	switch c.kind {
	case wit.KindString, wit.KindList, wit.KindMap:
		flat[0] = uint64(le.Uint32(b))
		flat[1] = uint64(le.Uint32(b[4:]))
	case wit.KindS8:
		flat[0] = uint64(uint32(int8(b[0])))
	case wit.KindS16:
		flat[0] = uint64(uint32(int16(le.Uint16(b))))
	case wit.KindFixedList:
		e := c.elem
		for i := range int(c.length) {
			if err := e.unspill(b[i*int(e.size):], flat[i*e.flatN:]); err != nil {
				return err
			}
		}
	case wit.KindRecord, wit.KindTuple:
		for i := range c.fields {
			f := &c.fields[i]
			if err := f.c.unspill(b[f.off:], flat); err != nil {
				return err
			}
			flat = flat[f.c.flatN:]
		}
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return c.unspillCase(b, flat)
	default:
		switch c.size {
		case 1:
			flat[0] = uint64(b[0])
		case 2:
			flat[0] = uint64(le.Uint16(b))
		case 4:
			flat[0] = uint64(le.Uint32(b))
		default:
			flat[0] = le.Uint64(b)
		}
	}
	return nil
}

func (c *Codec) unspillCase(b []byte, flat []uint64) error {
	i := readDisc(b, c.disc)
	if uint64(i) >= uint64(len(c.cases)) {
		return errcode.New(errcode.Internal, "lower case: %d of %d cases", i, len(c.cases))
	}
	flat[0] = uint64(i)
	used := 1
	if cc := c.cases[i]; cc != nil {
		if err := cc.unspill(b[c.payload:], flat[1:]); err != nil {
			return err
		}
		used += cc.flatN
	}
	clear(flat[used:c.flatN])
	return nil
}

func (c *Codec) tooFlat() error {
	return errcode.New(errcode.Internal, "flatten type: more than %d values", MaxFlatParams)
}
