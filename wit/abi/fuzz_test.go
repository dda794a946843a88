package abi

import (
	"testing"

	"latticework/internal/fuzzbound"
	"latticework/wit/value"
	"latticework/wit/value/valuetest"
)

// FuzzLoad has a guest's memory loaded as values of types made from a seed;
// the three ways of reading it must agree.
func FuzzLoad(f *testing.F) {
	for seed := range uint64(24) {
		g := valuetest.New(f, seed)
		typ := g.Type(4)
		c, err := CompileType(typ)
		if err != nil {
			f.Fatal(err)
		}
		m, h := newMem(encodings[seed%3])
		c.Store(m, place(f, m, c), g.Value(typ))
		f.Add(seed, uint8(seed%3), h.mem[16:h.last])
	}
	f.Fuzz(func(t *testing.T, seed uint64, enc uint8, data []byte) {
		fuzzbound.Run(t, func() {
			c, err := CompileType(valuetest.New(t, seed).Type(4))
			if err != nil {
				t.Fatal(err)
			}
			m := &Mem{Data: append(make([]byte, 16), data...), Encoding: encodings[enc%3], MaxMoved: 1 << 20}
			at := alignTo(16, c.Align())
			if at+uint64(c.Size()) > uint64(len(m.Data)) {
				return
			}
			b := m.Data[at:]
			v := c.Load(m, b)
			loadErr := m.Err()

			m.ClearErr()
			var e value.Encoder
			c.ToWire(m, b, &e)
			if (loadErr == nil) != (m.Err() == nil) {
				t.Fatalf("load %v, to wire %v", loadErr, m.Err())
			}
			m.ClearErr()
			dst, _ := newMem(encodings[enc/3%3])
			db := place(t, dst, c)
			c.Copy(dst, db, m, b)
			if loadErr != nil {
				if m.Err() == nil && dst.Err() == nil {
					t.Fatalf("load %v, copy none", loadErr)
				}
				return
			}
			if err := value.Check(c.Type(), v); err != nil {
				t.Fatalf("loaded %v: %v", v, err)
			}
			d := value.NewDecoder(e.Buf)
			if have := value.Decode(d, c.Type()); d.Finish() != nil || !value.Equal(have, v) {
				t.Fatalf("load %v, to wire %v, %v", v, have, d.Err())
			}
			if dst.Err() != nil {
				return // its memory is small
			}
			if have := c.Load(dst, db); dst.Err() != nil || !value.Equal(have, v) {
				t.Fatalf("load %v, copy %v, %v", v, have, dst.Err())
			}
		})
	})
}
