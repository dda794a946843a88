package abi

import (
	"sync"
	"testing"

	"latticework/wit/value"
)

// TestCodecsAreShared uses one codec from several goroutines, for the race
// detector.
func TestCodecsAreShared(t *testing.T) {
	c := compile(t, list(record(str, option(u64), variant(nil, list(u8)))))
	v := value.List{
		value.Tuple{value.String("a"), value.Option{Value: value.U64(1)}, value.Variant{Case: 1, Payload: value.Bytes("b")}},
		value.Tuple{value.String("\u00e9"), value.Option{}, value.Variant{}},
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 200 {
				src, _ := newMem(encodings[i%3])
				b := make([]byte, c.Size())
				c.Store(src, b, v)
				dst, _ := newMem(UTF8)
				at := make([]byte, c.Size())
				c.Copy(dst, at, src, b)
				var e value.Encoder
				c.ToWire(dst, at, &e)
				have := value.Decode(value.NewDecoder(e.Buf), c.Type())
				if src.Err() != nil || dst.Err() != nil || !value.Equal(have, v) {
					t.Errorf("have %v, %v, %v", have, src.Err(), dst.Err())
					return
				}
			}
		})
	}
	wg.Wait()
}
