package components_test

import (
	"cmp"
	"context"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"latticework/components"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

// loopGuest is a function that never ends.
type loopGuest struct {
	name   string
	locals string
	code   []any
	// end is how it ends: at its deadline if it is empty.
	end  errcode.Code
	long bool // spins for three seconds
	// atMost is how far its yields are apart, heldAtMost if it is 0.
	atMost time.Duration
}

// spinners are functions that never end. All are of a module with a memory of
// 64 MiB, a table of 100,000 elements, a tag and a function that does nothing.
var spinners = []loopGuest{
	{name: "empty", code: []any{loopOp, void, brOp, 0, endOp}},
	{name: "memory", locals: "i", code: []any{loopOp, void, get(0), get(0), 0x28, 2, 0, I32(3), 0x6a, 0x36, 2, 0,
		get(0), I32(4), 0x6a, I32(0xfffc), 0x71, setOp, 0, brOp, 0, endOp}},
	// Another page each time, far apart: each load misses the caches.
	{name: "pages", locals: "i", code: slices.Concat(fill, pages)},
	// Nobody touched them before, so the system makes a page each time, once for
	// each: that is not the guest's own time.
	{name: "new pages", locals: "i", code: pages, atMost: pageTime},
	{name: "new pages later", locals: "ii", code: slices.Concat(quickly, pages), atMost: pageTime},
	// Each load waits for the one before, and misses the caches.
	{name: "chase", locals: "i", long: true, code: slices.Concat(fill, []any{loopOp, void, chase, brOp, 0, endOp})},
	{name: "chase later", locals: "ii", code: slices.Concat(fill, quickly, []any{loopOp, void, chase, brOp, 0, endOp})},
	{name: "chase in calls", locals: "i", code: slices.Concat(fill, []any{loopOp, void, get(0), Call(65), setOp, 0, brOp, 0, endOp})},
	{name: "calls", code: []any{loopOp, void, Call(0), Call(0), brOp, 0, endOp}},
	{name: "interpreter", locals: "i", code: []any{loopOp, void,
		blockOp, void, blockOp, void, blockOp, void, get(0), I32(3), 0x71, 0x0e, 2, 0, 1, 2, endOp, // br_table
		get(0), I32(5), 0x6a, setOp, 0, brOp, 2, endOp,
		get(0), I32(7), 0x6c, I32(1), 0x6a, setOp, 0, brOp, 1, endOp,
		get(0), I32(3), 0x6a, setOp, 0, brOp, 0, endOp}},
	// As Go's compiler does it: jumps forwards and backwards by the loop's head.
	{name: "dispatch", locals: "i", code: []any{loopOp, void, blockOp, void, blockOp, void, get(0), 0x0e, 1, 0, 1, endOp,
		I32(7), setOp, 0, brOp, 1, endOp, I32(0), setOp, 0, brOp, 0, endOp}},
	{name: "dispatch and calls", locals: "i", code: []any{loopOp, void, blockOp, void, blockOp, void, get(0), 0x0e, 1, 0, 1, endOp,
		I32(7), setOp, 0, brOp, 1, endOp, Call(0), I32(0), setOp, 0, brOp, 0, endOp}},
	{name: "circle of calls", code: []any{Call(66)}},
	{name: "tree of calls", code: []any{Call(2)}},
	{name: "deep and back", code: []any{loopOp, void, I32(20_000), Call(1), brOp, 0, endOp}},
	// The stack is new pages, too, of twice the size each time that it grows.
	{name: "recursion", code: []any{I32(-1), Call(1)}, end: errcode.Exhausted, atMost: 30 * time.Millisecond},
	{name: "fill", code: []any{loopOp, void, I32(0), I32(1), I32(allBytes), 0xfc, 11, 0, brOp, 0, endOp}},
	{name: "copy up", code: []any{loopOp, void, I32(9), I32(0), I32(allBytes - 9), 0xfc, 10, 0, 0, brOp, 0, endOp}},
	{name: "copy down", code: []any{loopOp, void, I32(0), I32(9), I32(allBytes - 9), 0xfc, 10, 0, 0, brOp, 0, endOp}},
	{name: "fill a table", code: []any{loopOp, void, I32(0), 0xd0, 0x70, I32(100_000), 0xfc, 17, 0, brOp, 0, endOp}},
	{name: "copy a table", code: []any{loopOp, void, I32(9), I32(0), I32(99_991), 0xfc, 14, 0, 0, brOp, 0, endOp}},
	{name: "exceptions", code: []any{loopOp, void, blockOp, void, 0x1f, void, 1, 2, 0, 0x08, 0, endOp, endOp, brOp, 0, endOp}},
	{name: "exceptions, deep", code: []any{I32(3_000), Call(3)}},
}

const allBytes = 64 << 20

// pageTime is for loops over new pages: how long the system takes for them depends
// on what else the machine does.
const pageTime = 3 * heldAtMost

var (
	pages = []any{loopOp, void, get(0), I32(1), 0x36, 2, 0,
		get(0), I32(1_052_672 + 64), 0x6a, I32(allBytes - 4), 0x71, setOp, 0, brOp, 0, endOp}
	// quickly counts to ten million in local 1, so that refills are as large as they
	// get.
	quickly = []any{loopOp, void, get(1), I32(1), 0x6a, 0x22, 1, I32(10_000_000), 0x48, 0x0d, 0, endOp}
	fill    = []any{I32(0), I32(1), I32(allBytes), 0xfc, 11, 0}
	// chase sets local 0 to another address, by what is at the one that it holds.
	chase = Code(get(0), I32(1664525), 0x6c, get(0), 0x28, 2, 0, 0x6a, I32(1013904223), 0x6a, I32(allBytes-4), 0x71, setOp, 0)
)

// spinner is a component that exports the spinners.
func spinner() []byte {
	c, m := NewComponent(), &Module{}
	m.Memory(allBytes>>16, allBytes>>16)
	m.Table(100_000, 100_000)
	none, one := m.Type("", ""), m.Type("i", "")
	m.Tags = [][]byte{Cat([]byte{0}, U(none)), Cat([]byte{0}, U(m.Type("l", "")))} // the second has all left to the engine
	m.Func(none, "")
	m.Func(one, "", get(0), 0x04, void, get(0), I32(1), 0x6b, Call(1), endOp) // as deep as its parameter says
	m.Func(none, "", Call(4), Call(4))                                        // a tree of 2^60 calls, the rest of which is below
	throw := []any{loopOp, void, blockOp, void, 0x1f, void, 1, 2, 0, 0x08, 0, endOp, endOp, brOp, 0, endOp}
	m.Func(one, "", append([]any{get(0), 0x04, void, get(0), I32(1), 0x6b, Call(3), 0x05}, append(throw, endOp)...)...)
	for i := range uint32(60) {
		m.Func(none, "", Call(5+i), Call(5+i))
	}
	m.Func(none, "")
	m.Func(m.Type("i", "i"), "", chase, chase, chase, chase, chase, chase, chase, get(0)) // 65
	m.Func(none, "", 0x12, U(67))                                                         // 66 and 67: a circle that a table is part of
	m.Func(none, "", I32(0), 0x13, U(none), 0)
	m.Elem(0, 66)
	for i := range spinners {
		s := &spinners[i]
		m.Export(s.name, Func, m.Func(none, s.locals, s.code...))
	}
	inst := c.CoreInstance(c.CoreModule(m.Bytes()))
	typ := c.FuncType(nil)
	for i := range spinners {
		name := spinners[i].name
		c.Export(exportName(name), SortFunc, c.Lift(c.CoreFunc(inst, name), typ))
	}
	return c.Bytes()
}

// exportName is the name under which a component exports a spinner.
func exportName(name string) string { return strings.NewReplacer(" ", "-", ",", "").Replace(name) }

// sender is a composition of two components: the outer hands the inner a list
// of 30 MiB for ever.
func sender() []byte {
	in, m := NewComponent(), &Module{}
	m.Memory(520, 520)
	m.Export("memory", Memory, 0)
	m.Export("take", Func, m.Func(m.Type("ii", ""), ""))
	m.Export("realloc", Func, m.Func(m.Type("iiii", "i"), "", I32(65536)))
	core := in.CoreInstance(in.CoreModule(m.Bytes()))
	takeType := in.FuncType(nil, Param{Name: "l", Type: U(in.List([]byte{U8}))})
	in.Export("take", SortFunc, in.Lift(in.CoreFunc(core, "take"), takeType,
		MemoryOpt(in.CoreMemory(core, "memory")), ReallocOpt(in.CoreFunc(core, "realloc"))))

	out, mm := NewComponent(), &Module{}
	takeFn := out.ImportFunc("take", out.FuncType(nil, Param{Name: "l", Type: U(out.List([]byte{U8}))}))
	mm.Memory(520, 520)
	mm.Export("memory", Memory, 0)
	mem := out.CoreInstance(out.CoreModule(mm.Bytes()))
	lowered := out.CoreExports(Item{Name: "take", Func: out.Lower(takeFn, MemoryOpt(out.CoreMemory(mem, "memory")))})
	um := &Module{}
	um.Import("", "take", um.Type("ii", ""))
	um.Export("run", Func, um.Func(um.Type("", ""), "", loopOp, void, I32(0), I32(30<<20), Call(0), brOp, 0, endOp))
	inst := out.CoreInstance(out.CoreModule(um.Bytes()), Arg{Name: "", Instance: lowered})
	out.Export("run", SortFunc, out.Lift(out.CoreFunc(inst, "run"), out.FuncType(nil)))

	c := NewComponent()
	a := c.Instance(c.Component(in.Bytes()))
	b := c.Instance(c.Component(out.Bytes()), With{Name: "take", Sort: SortFunc, Index: c.AliasFunc(a, "take")})
	c.Export("run", SortFunc, c.AliasFunc(b, "run"))
	return c.Bytes()
}

// heldAtMost is how long a guest may hold a collection.
const heldAtMost = 10 * time.Millisecond

// TestLoopsLetCollectorIn has guests spin on all processors while the collector
// runs again and again. A guest holds it from one time that it yields to the
// next: that is looked at, in time that the guest's thread had a processor, which
// is what it would be on a machine of its own.
func TestLoopsLetCollectorIn(t *testing.T) {
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(context.Background()) }()
	link := func(code []byte) *components.Template {
		c, err := e.Compile(t.Context(), code)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := c.Link(components.LinkConfig{})
		if err != nil {
			t.Fatal(err)
		}
		return tmpl
	}
	tmpl := link(spinner())
	for i := range spinners {
		s := &spinners[i]
		t.Run(s.name, func(t *testing.T) { letsCollectorIn(t, tmpl, s) })
	}
	// Here it is Go's own code that copies; the guest yields to what stops it
	// once in some copies.
	t.Run("lists between components", func(t *testing.T) {
		n, held, _ := collectBeside(t, link(sender()), "run", "", 500*time.Millisecond)
		t.Logf("%d collections, held for %v at most", n, held)
		if n == 0 {
			t.Error("no collection ended")
		}
	})
}

// attempts is how often a spinner is looked at. What it does between two yields
// it does again; what the system adds to the thread's time now and then, such as
// making pages, it does not.
const attempts = 3

// letsCollectorIn has s spin beside collections.
func letsCollectorIn(t *testing.T, tmpl *components.Template, s *loopGuest) {
	d, atMost := 500*time.Millisecond, cmp.Or(s.atMost, heldAtMost)
	if raced {
		atMost *= 5 // the host's functions are slower
	}
	if s.long {
		d = 3 * time.Second
	}
	for i := range attempts {
		n, held, y := collectBeside(t, tmpl, exportName(s.name), s.end, d)
		t.Logf("%d collections, held for %v at most, with what else the machine did; %d yields, %v apart at most",
			n, held, y.yields, y.most)
		if n == 0 || y.yields == 0 {
			t.Errorf("%d collections ended beside %d yields", n, y.yields)
		}
		switch {
		case y.most <= atMost:
			return
		case i == attempts-1:
			t.Errorf("a collection can be held for %v > %v", y.most, atMost)
		}
	}
}

// yields is the context of a call, which a guest that yields asks whether it
// ended. It is of one thread.
type yields struct {
	context.Context
	yields     int
	last, most time.Duration // of the thread's time
}

func (y *yields) Err() error {
	now := threadTime()
	if y.last > 0 {
		y.most = max(y.most, now-y.last)
	}
	y.yields++
	err := y.Context.Err()
	y.last = threadTime()
	return err
}

// threadTime is for how long this thread had a processor.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// collectBeside runs collections for d while export is called on all
// processors, which ends at its deadline or with end. It returns how many, for
// how long one was held at most, and the yields furthest apart.
func collectBeside(t *testing.T, tmpl *components.Template, export string, end errcode.Code, d time.Duration) (
	n int, held time.Duration, worst yields) {
	before := pauses()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	var wg sync.WaitGroup
	all := make([]yields, runtime.GOMAXPROCS(0))
	for i := range all {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for ctx.Err() == nil {
				in := keep(t, tmpl)
				all[i].Context, all[i].last = ctx, 0
				_, err := in.Call(&all[i], "", export)
				in.Release(context.Background())
				if code := errcode.Of(err); code != errcode.Deadline && (err == nil || code != end) {
					t.Errorf("it ended with error %v", err)
					return
				}
			}
		})
	}
	for ; ctx.Err() == nil; n++ {
		runtime.GC()
	}
	wg.Wait()
	for i := range all {
		worst.yields += all[i].yields
		worst.most = max(worst.most, all[i].most)
	}
	return n, pauses().since(before).longest(), worst
}

// histogram is of durations in seconds.
type histogram struct {
	counts []uint64
	bounds []float64
}

// pauses tells how long the collector waited for goroutines to stop.
func pauses() histogram {
	s := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}}
	metrics.Read(s)
	h := s[0].Value.Float64Histogram()
	return histogram{slices.Clone(h.Counts), h.Buckets}
}

func (h histogram) since(before histogram) histogram {
	for i := range h.counts {
		h.counts[i] -= before.counts[i]
	}
	return h
}

// longest returns a bound that no duration exceeds.
func (h histogram) longest() time.Duration {
	for i := len(h.counts) - 1; i >= 0; i-- {
		if h.counts[i] > 0 {
			return time.Duration(h.bounds[i+1] * 1e9)
		}
	}
	return 0
}
