package corewasm_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/memory"
	"latticework/internal/fuzzbound"
)

// FuzzBehaviour makes a module of its input and runs every function of it
// twice, as it is and rewritten: results, traps, memories and globals are the
// same. The reference for what a rewritten module does is the same engine.
func FuzzBehaviour(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(randomBytes(seed), seed)
	}
	// The interpreter compiles a small module in microseconds.
	a, b := newSide(f, engines[1].config(), false, false), newSide(f, engines[1].config(), true, true)
	f.Fuzz(func(t *testing.T, choices []byte, args uint64) {
		fuzzbound.Run(t, func() { compareBehaviour(t, a, b, choices, args) })
	})
}

// TestBehaviour compares what rewritten modules do under the compiler with the
// interpreter, which is right about exceptions, and looks at how many of them do
// something worth comparing.
func TestBehaviour(t *testing.T) {
	a, b := newSide(t, engines[1].config(), false, false), newSide(t, engines[0].config(), true, true)
	var sum tally
	for seed := range uint64(400) {
		n := compareBehaviour(t, a, b, randomBytes(seed), seed)
		sum.results += n.results
		sum.traps += n.traps
	}
	t.Logf("%d results, %d traps, %d refills, %d exceptions that nobody caught", sum.results, sum.traps, b.refills, b.tells)
	if sum.results < 500 || sum.traps < 100 || b.refills < 100 || b.tells < 100 {
		t.Errorf("%+v, %d refills, %d exceptions that nobody caught: too few to tell anything", sum, b.refills, b.tells)
	}
}

func randomBytes(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	out := make([]byte, 100+r.IntN(1500))
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

// tally counts the calls compared.
type tally struct{ results, traps int }

// compareBehaviour runs the module made of choices on both sides, calling each
// function twice: what the first call left is there for the second.
func compareBehaviour(t *testing.T, a, b *side, choices []byte, seed uint64) (n tally) {
	data, made := generate(choices)
	closeA, err := a.open(data)
	if err != nil {
		t.Fatalf("the module made is refused: %v\n%x", err, data)
	}
	defer closeA()
	closeB, err := b.open(data)
	if err != nil {
		t.Fatalf("rewritten: %v\n%x", err, data)
	}
	defer closeB()
	b.stopAt = b.refills + 10_000 // each is a thousand loops or calls
	r := rand.New(rand.NewPCG(seed, 5))
	for range 2 {
		for i, s := range made {
			args := make([]uint64, len(s.params))
			for k, p := range s.params {
				if args[k] = r.Uint64() >> r.IntN(64); p == 'i' {
					args[k] = uint64(uint32(args[k]))
				}
			}
			name := fmt.Sprintf("f%d", i)
			x, xerr := a.do("", name, false, args)
			y, yerr := b.do("", name, false, args)
			if s.result == 'i' && xerr == nil && yerr == nil { // the upper half is anything
				x[0], y[0] = uint64(uint32(x[0])), uint64(uint32(y[0]))
			}
			err := same(x, y, xerr, yerr, false)
			if err == nil {
				err = sameMemory(a, b)
			}
			if g, h := a.last.ExportedGlobal("global").Get(), b.last.ExportedGlobal("global").Get(); err == nil && g != h {
				err = fmt.Errorf("the global is %d, rewritten %d", g, h)
			}
			if err != nil {
				t.Fatalf("%s(%x): %v\n%x", name, args, err, data)
			}
			if xerr == nil {
				n.results++
			} else {
				n.traps++
			}
		}
	}
	return n
}

// open instantiates a module as instantiate does, and returns what frees all
// of it.
func (s *side) open(data []byte) (closeAll func(), err error) {
	ctx := context.Background()
	code, m, err := s.compile(data)
	if err != nil {
		return nil, err
	}
	free := []func(){func() { _ = code.Close(ctx) }}
	closeAll = func() {
		for i := len(free) - 1; i >= 0; i-- {
			free[i]()
		}
		s.last = nil
	}
	ictx := experimental.WithImportResolver(ctx, func(name string) api.Module { return s.named[name] })
	if s.image && m.Memory != nil {
		p := memory.NewPool(m.Memory, 0)
		mem, err := p.Get(&memory.Budget{Limit: 4 << 30})
		if err != nil {
			closeAll()
			return nil, err
		}
		free = append(free, p.Close, func() { p.Put(mem) })
		ictx = experimental.WithMemoryAllocator(ictx, allocator{mem})
	}
	mod, err := s.rt.InstantiateModule(ictx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		closeAll()
		return nil, err
	}
	free = append(free, func() { _ = mod.Close(ctx) })
	s.last = mod
	return closeAll, nil
}
