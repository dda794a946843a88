package memory

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestFreeze has memories go back to what one of them once was, in place and
// through their pool, by way of sizes above that.
func TestFreeze(t *testing.T) {
	for _, d := range descriptions {
		if d.m.MaxPages < d.m.MinPages+5 {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			p, r := NewPool(&d.m, 2), rand.New(rand.NewPCG(3, 4))
			m, _ := get(t, p, p.max)
			size := p.min + PageSize
			dirty(m.Reallocate(size), r, 1)
			state := bytes.Clone(m.base[:size])
			frozen := m.Freeze()
			p.Close() // m is of the other pool now
			other, _ := get(t, frozen, p.max)
			for round := range 20 {
				for _, m := range []*Memory{m, other} {
					if !bytes.Equal(m.base[:m.size], state) {
						t.Fatalf("round %d: byte %d is not what was frozen", round, firstDifference(m.base, state))
					}
					large := size + r.Uint64N(4)*PageSize
					dirty(m.Reallocate(large), r, round)
					var engine []byte
					if !m.Restore(func(uint32) (uint32, bool) { engine = m.Reallocate(m.size + PageSize); return 0, true }) {
						t.Fatal("it cannot be restored")
					}
					if large > size != (engine != nil) || engine != nil && uint64(len(engine)) != size || m.budget.Used() != size {
						t.Fatalf("round %d: of %d bytes, the engine is told %d, %d are counted, want %d", round, large, len(engine), m.budget.Used(), size)
					}
					if tail := m.base[size:]; !bytes.Equal(tail, make([]byte, len(tail))) {
						t.Fatalf("round %d: what it grew by is not zero", round)
					}
				}
			}
			frozen.Put(other)
			frozen.Close()
			frozen.Put(m)
		})
	}
}

// TestRestoreRefused: an engine that does not grow a memory leaves it of no
// use.
func TestRestoreRefused(t *testing.T) {
	p := NewPool(&descriptions[2].m, 0)
	m, _ := get(t, p, p.max)
	m.Reallocate(2 * PageSize)
	if m.Restore(func(uint32) (uint32, bool) { return 0, false }) || m.Restore(func(uint32) (uint32, bool) { return 0, true }) {
		t.Fatal("a memory counts as restored that stayed large")
	}
	p.Put(m)
	p.Close()
}
