package abi

import (
	"flag"
	"testing"
	"time"

	"latticework/wit"
	"latticework/wit/value"
	"latticework/wit/value/valuetest"
)

var (
	seedFlag = flag.Uint64("seed", 0, "seed of the property tests; 0 takes the clock")
	runsFlag = flag.Int("runs", 1500, "how many types each property test tries")
)

// eachRandom calls f with random types and values of them.
func eachRandom(t *testing.T, f func(t *testing.T, g *valuetest.Gen, c *Codec, v value.Value)) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	g := valuetest.New(t, seed)
	g.Resources = []*wit.Resource{{Name: "bucket"}, {Name: "stream"}}
	for range *runsFlag {
		typ := g.Type(4)
		c, err := CompileType(typ)
		if err != nil {
			t.Fatalf("compile %+v: %v", typ, err)
		}
		f(t, g, c, g.Value(typ))
		if t.Failed() {
			return
		}
	}
}

func wantValue(t *testing.T, what string, c *Codec, have, want value.Value, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Errorf("%s: %v\ntype %+v\nvalue %v", what, err, c.t, want)
			return
		}
	}
	if !value.Equal(have, want) {
		t.Errorf("%s: have %v\nwant %v\ntype %+v", what, have, want, c.t)
	}
}

func TestLoadAnswersWhatStoreWrote(t *testing.T) {
	eachRandom(t, func(t *testing.T, g *valuetest.Gen, c *Codec, v value.Value) {
		for _, enc := range encodings {
			m, _ := newMem(enc)
			b := place(t, m, c)
			c.Store(m, b, v)
			wantValue(t, "store, load", c, c.Load(m, b), v, m.Err())
		}
	})
}

func TestWireCarriesValues(t *testing.T) {
	eachRandom(t, func(t *testing.T, g *valuetest.Gen, c *Codec, v value.Value) {
		enc := encodings[g.IntN(3)]
		m, _ := newMem(enc)
		b := place(t, m, c)
		c.Store(m, b, v)

		table := newHandles(500)
		e := value.Encoder{Handles: table}
		c.ToWire(m, b, &e)
		d := value.NewDecoder(e.Buf)
		if d.Handles = table; g.IntN(2) == 0 {
			decoded := value.Decode(d, c.t)
			wantValue(t, "to wire, decode", c, decoded, v, m.Err(), e.Err(), d.Finish())
			var again value.Encoder
			value.Encode(&again, c.t, v)
			wantValue(t, "encode, decode", c, value.Decode(value.NewDecoder(again.Buf), c.t), v, again.Err())
			return
		}
		other, _ := newMem(encodings[g.IntN(3)])
		ob := place(t, other, c)
		c.FromWire(other, ob, d)
		wantValue(t, "to wire, from wire", c, c.Load(other, ob), v, m.Err(), e.Err(), d.Finish(), other.Err())
	})
}

func TestCopyMovesValues(t *testing.T) {
	eachRandom(t, func(t *testing.T, g *valuetest.Gen, c *Codec, v value.Value) {
		src, _ := newMem(encodings[g.IntN(3)])
		sb := place(t, src, c)
		c.Store(src, sb, v)
		dst, _ := newMem(encodings[g.IntN(3)])
		db := place(t, dst, c)
		c.Copy(dst, db, src, sb)
		wantValue(t, "copy, load", c, c.Load(dst, db), v, src.Err(), dst.Err())
	})
}

func TestSpillAnswersWhatUnspillRead(t *testing.T) {
	flats := 0
	eachRandom(t, func(t *testing.T, g *valuetest.Gen, c *Codec, v value.Value) {
		if c.Flat() == nil {
			return
		}
		flats++
		m, _ := newMem(encodings[g.IntN(3)])
		b := place(t, m, c)
		c.Store(m, b, v)
		flat := make([]uint64, len(c.Flat()))
		for i := range flat {
			flat[i] = g.Uint64()
		}
		if err := c.Unspill(b, flat); err != nil {
			t.Fatalf("unspill: %v", err)
		}
		for i, ft := range c.Flat() {
			if (ft == I32 || ft == F32) && flat[i]>>32 != 0 {
				t.Fatalf("unspill: %s %d is %#x", ft, i, flat[i])
			}
			if ft == I32 || ft == F32 {
				flat[i] |= g.Uint64() << 32 // a runtime may leave anything there
			}
		}
		back := place(t, m, c)
		for i := range back {
			back[i] = byte(g.Uint32())
		}
		err := c.Spill(flat, back)
		wantValue(t, "unspill, spill, load", c, c.Load(m, back), v, m.Err(), err)
	})
	if flats < *runsFlag/10 {
		t.Errorf("only %d of %d types were flat", flats, *runsFlag)
	}
}
