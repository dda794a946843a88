package hostile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/wit/abi"
	"latticework/wit/value"
)

const (
	memoryCap = 32 << 20
	// deadline is the time that a hostile call is given.
	deadline = 150 * time.Millisecond
	// grace is what it may take longer before it is gone.
	grace = 50 * time.Millisecond
	// compileTime bounds what a hostile component may cost before it runs.
	compileTime = 2 * time.Second
	// compileSpare is how much memory of the host compiling may take, here where
	// it is done in this process.
	compileSpare = 160 << 20
	// spare is how much memory of the host a hostile component may take
	// besides its own.
	spare = 32 << 20
	// maxSlower is how many times a victim's p99 may be what it is alone.
	maxSlower = 2
)

// Alone names the variable that says that nothing else runs on the machine:
// `make hostile` sets it, and times are held to what they should be. Beside
// other tests, which take the processors as they please, they have slack.
const Alone = "LATTICEWORK_ALONE"

func alone() bool { return os.Getenv(Alone) != "" }

// slack stands for what the machine adds to a time that a guest is given.
func slack() time.Duration {
	if alone() {
		return 50 * time.Millisecond
	}
	return 3 * time.Second
}

// window is how long the victim's requests are counted, beside an attack and alone.
func window() time.Duration {
	if alone() {
		return 4 * deadline
	}
	return deadline
}

// jitter stands for what the machine adds to the victim's times.
func jitter() time.Duration {
	if alone() {
		return 0
	}
	return 3 * time.Second
}

// hostile is one attack. It ends in one of the codes: when it is compiled and
// linked, or, if it gets so far, when its export "run" is called.
type hostile struct {
	name  string
	bytes func() []byte
	codes []errcode.Code // "" means that it may also end well
	args  []value.Value
	given []*abi.Interface
	// limits are besides memory and time.
	limits components.Limits
	// others are how many more instances of it run at the same time.
	others int
	// moves is a plain loop of Go that moves as much memory as the attack does,
	// if that is all that it does, see fares.
	moves func([]byte)
}

func ends(codes ...errcode.Code) []errcode.Code { return codes }

// arena holds what all attacks share.
type arena struct {
	engine *components.Engine
	victim *victim
	// measured counts the attacks that ran long enough to tell how the victim
	// fared.
	measured int
	worst    [paces]fared  // the worst found for an attack
	late     time.Duration // the longest that an attack outlived its deadline
	peak     int64         // the most memory that an attack took besides its own
	// compile is the most memory that compiling one took.
	compile int64
}

func newArena(t *testing.T) *arena {
	t.Helper()
	ctx := context.Background()
	// A collection each time the heap grows by a quarter keeps what attacks leave
	// behind apart.
	t.Cleanup(func(old int) func() { return func() { debug.SetGCPercent(old) } }(debug.SetGCPercent(25)))
	e, err := components.NewEngine(ctx, components.EngineConfig{MemoryBytes: memoryCap})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(ctx) })
	return &arena{engine: e, victim: startVictim(t, e)}
}

// resident returns how many bytes of the process are in memory.
func resident() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(data))
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// watch samples the process's memory until stop is called, which returns by
// how much it rose.
func watch() (stop func() int64) {
	debug.FreeOSMemory()
	before := resident()
	quit, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := before
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, resident())
			case <-quit:
				peak <- max(most, resident())
				return
			}
		}
	}()
	return func() int64 { close(quit); return <-peak - before }
}

// attack runs h and checks what must hold.
func (a *arena) attack(t *testing.T, h *hostile) {
	t.Helper()
	data := h.bytes()
	compiled, ran, m, err := a.watched(h, data)
	if p := a.victim.failed.Load(); p != nil {
		t.Fatalf("the victim failed: %v", *p)
	}
	code := errcode.Of(err)
	early := code == errcode.Deadline && !alone() // too slow here to get to its limit
	if !early && !slices.Contains(h.codes, code) || code == errcode.Internal {
		t.Errorf("ended with %v (%q), want %q", err, code, h.codes)
	}
	if compiled > compileTime+slack() {
		t.Errorf("compiling took %v", compiled)
	}
	late := ran - deadline
	if late > grace+slack() {
		t.Errorf("ran %v beyond its deadline", late)
	}
	a.late = max(a.late, late)
	a.memory(t, m, int64(len(data)))
	t.Logf("compiled in %v, %d MiB; ran %v, %d MiB: %.200v", compiled.Round(time.Millisecond), m.compiled>>20,
		ran.Round(time.Millisecond), m.ran>>20, err)
	if ran < deadline/2 { // too short to tell how the victim fared
		return
	}
	a.fares(t, h, data)
}

// memory checks what an attack took of the host's memory.
func (a *arena) memory(t *testing.T, m taken, size int64) {
	a.compile = max(a.compile, m.compiled)
	if limit := raceFactor * (compileSpare + 2*size); m.compiled > limit {
		t.Errorf("compiling took %d MiB of the host's memory, allowed %d", m.compiled>>20, limit>>20)
	}
	a.peak = max(a.peak, m.ran-memoryCap)
	if limit := raceFactor * int64(memoryCap+spare); m.ran > limit {
		t.Errorf("running took %d MiB of the host's memory, allowed %d", m.ran>>20, limit>>20)
	}
}

// taken is what an attack took of the host's memory, in bytes.
type taken struct{ compiled, ran int64 }

// watched takes an attack from its bytes to the end of its call, and tells what
// it took.
func (a *arena) watched(h *hostile, data []byte) (compiled, ran time.Duration, m taken, err error) {
	stop := watch()
	start := time.Now()
	c, tmpl, err := a.load(h, data, deadline)
	compiled = time.Since(start)
	m.compiled = stop()
	if err != nil {
		return compiled, 0, m, err
	}
	defer func() { _ = c.Close(context.Background()) }()
	stop = watch()
	defer func() { m.ran = stop() }()
	ran, err = a.run(h, tmpl)
	return compiled, ran, m, err
}

// load compiles and links an attack, whose calls have limit to run.
func (a *arena) load(h *hostile, data []byte, limit time.Duration) (*components.Component, *components.Template, error) {
	ctx := context.Background()
	c, err := a.engine.Compile(ctx, data)
	if err != nil {
		return nil, nil, err
	}
	limits := h.limits
	limits.MemoryBytes, limits.Time = memoryCap, limit
	tmpl, err := c.Link(components.LinkConfig{Interfaces: h.given, Limits: limits})
	if err != nil {
		_ = c.Close(ctx)
		return nil, nil, err
	}
	return c, tmpl, nil
}

// run makes an instance of an attack and calls it until it ends.
func (a *arena) run(h *hostile, tmpl *components.Template) (ran time.Duration, err error) {
	ctx := context.Background()
	start := time.Now()
	in, err := tmpl.Acquire(ctx)
	if err != nil {
		return time.Since(start), err
	}
	defer in.Release(ctx)
	join := h.beside(tmpl)
	start = time.Now()
	_, err = in.Call(ctx, "", "run", h.args...)
	ran = time.Since(start)
	if jerr := join(); jerr != nil {
		return ran, jerr
	}
	if err == nil {
		return ran, nil
	}
	// What is dead stays dead, and says so at once.
	if _, again := in.Call(ctx, "", "run", h.args...); !errors.Is(again, errcode.Trap) && !errors.Is(again, errcode.Invalid) {
		return ran, fmt.Errorf("called again after %w: %w", err, again)
	}
	return ran, err
}

// beside calls "run" of the attack's other instances, and returns a function that
// waits until they have ended and reports the first that could not begin.
func (h *hostile) beside(tmpl *components.Template) (join func() error) {
	errs := make(chan error, h.others)
	for range h.others {
		go func() {
			in, err := tmpl.Acquire(context.Background())
			if err == nil {
				defer in.Release(context.Background())
				_, _ = in.Call(context.Background(), "", "run", h.args...) // ends as the first does
			}
			errs <- err
		}()
	}
	return func() (first error) {
		for range h.others {
			if err := <-errs; first == nil {
				first = err
			}
		}
		return first
	}
}

// TestHostile runs every attack, one after the other, beside the victim.
func TestHostile(t *testing.T) {
	a := newArena(t)
	passed, failed := 0, 0
	all := slices.Concat(gateAttacks(), componentAttacks(), coreAttacks(), abiAttacks())
	if len(all) < 60 {
		t.Errorf("%d attacks, want 60 at least", len(all))
	}
	for i := range all {
		if t.Run(all[i].name, func(t *testing.T) { a.attack(t, &all[i]) }) {
			passed++
		} else {
			failed++
		}
	}
	fmt.Printf("hostile: %d passed, %d failed, 0 skipped\n", passed, failed)
	for p, w := range a.worst {
		t.Logf("victim: %d attacks long enough to tell; the worst p99 of requests %s: %v beside, %v alone: %.2f x",
			a.measured, pace(p), w.beside, w.alone, w.ratio())
	}
	t.Logf("at most %v beyond the deadline, %d MiB besides the guest's %d; compiling took %d MiB at most",
		a.late.Round(time.Millisecond), a.peak>>20, memoryCap>>20, a.compile>>20)
}
