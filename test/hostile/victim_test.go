package hostile

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/refdata"
)

// pace is how requests to the victim follow one another.
type pace int

const (
	// busy: one is there as soon as the one before is answered, so that a window
	// has some 70,000. What takes long, but seldom, is in few of them.
	busy pace = iota
	// rested: the victim sleeps for a millisecond or so after each. They take
	// longer, as caches are cold then.
	rested
	paces // how many there are
)

func (p pace) String() string { return [paces]string{"in a row", "after rests"}[p] }

// windows returns how many windows of time tell at least and at most how the
// victim fares beside an attack, each with one alone after it: the machine does
// other things too, and few windows tell more of those.
func (p pace) windows() (least, most int) {
	switch {
	case !alone():
		return 1, 1
	case p == busy:
		return 1, 5
	default:
		return 3, 10
	}
}

// victim is a well-behaved guest: a service in Rust that answers requests, each
// by an instance in its initial state.
type victim struct {
	pace    atomic.Int32         // a pace
	samples chan []time.Duration // holds the list, or nobody does
	failed  atomic.Pointer[error]
}

func startVictim(t *testing.T, e *components.Engine) *victim {
	t.Helper()
	tmpl, handler := service(t, e)
	ctx, cancel := context.WithCancel(context.Background())
	v := &victim{samples: make(chan []time.Duration, 1)}
	v.pace.Store(int32(rested))
	v.samples <- nil
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			start := time.Now()
			if err := answer(tmpl, handler); err != nil {
				v.failed.CompareAndSwap(nil, &err)
				return
			}
			took := time.Since(start)
			v.samples <- append(<-v.samples, took)
			if pace(v.pace.Load()) == rested {
				time.Sleep(200 * time.Microsecond)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return v
}

// take returns the times of the requests since the last take.
func (v *victim) take() []time.Duration {
	s := <-v.samples
	v.samples <- nil
	return s
}

func p99(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)*99/100]
}

// fared is how the victim fared: its p99 beside an attack, and between the
// attack's runs with nobody beside.
type fared struct{ beside, alone time.Duration }

func (f fared) ratio() float64 { return float64(f.beside) / float64(f.alone) }

// hostHeap is what a host holds in memory: on a smaller heap a guest that
// leaves garbage has Go collect it hundreds of times a second.
const hostHeap = 64 << 20

// fares checks how the victim fares beside h, at each pace if nothing else runs
// on the machine: busy ones need a processor of their own. An attack that moves
// much memory leaves caches cold for all on the machine. So requests after rests
// may take twice as long beside it as beside a plain loop that does so too.
func (a *arena) fares(t *testing.T, h *hostile, data []byte) {
	t.Helper()
	a.measured++
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	held := make([]byte, hostHeap)
	defer runtime.KeepAlive(held)
	c, tmpl, err := a.load(h, data, window())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	defer a.victim.pace.Store(int32(rested))
	attack := func() { _, _ = a.run(h, tmpl) } // ends as it did the first time
	for p := range paces {
		if p == busy && !alone() {
			continue
		}
		a.victim.pace.Store(int32(p))
		instead := func() { time.Sleep(window()) }
		if p == rested && h.moves != nil {
			instead = func() { h.moves(held[:memoryCap]) }
		}
		f := a.compare(p, attack, instead)
		t.Logf("the victim's p99 is %v beside it, %v alone, %s", f.beside, f.alone, p)
		if a.worst[p].alone == 0 || f.ratio() > a.worst[p].ratio() {
			a.worst[p] = f
		}
		if f.ratio() > maxSlower && f.beside > jitter() {
			t.Errorf("the victim's p99 is %v beside it, %v alone, %s: more than %d times that", f.beside, f.alone, p, maxSlower)
		}
	}
}

// compare has attack and instead run by turns for a window each, until the
// least windows show the victim's requests beside the attack within maxSlower,
// or for the most.
func (a *arena) compare(p pace, attack, instead func()) fared {
	during := func(f func()) []time.Duration {
		a.victim.take()
		for end := time.Now().Add(window()); time.Now().Before(end); {
			f()
		}
		return a.victim.take()
	}
	var beside, alone []time.Duration
	least, most := p.windows()
	for n := 1; ; n++ {
		beside = append(beside, during(attack)...)
		alone = append(alone, during(instead)...)
		f := fared{p99(beside), p99(alone)}
		if n >= least && f.ratio() <= maxSlower || n == most {
			return f
		}
	}
}

// service links the victim's component.
func service(t *testing.T, e *components.Engine) (*components.Template, *contract.IncomingHandlerExports) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), "rust-http.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Compile(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := wasi.Open(wasi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	tmpl, err := c.Link(components.LinkConfig{Interfaces: append(s.Interfaces(), wasihttp.Interfaces(nil)...)})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := contract.ResolveIncomingHandler(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl, handler
}

// answer has the service answer a request, and checks what it says.
func answer(tmpl *components.Template, handler *contract.IncomingHandlerExports) error {
	ctx := context.Background()
	in, err := tmpl.Acquire(ctx)
	if err != nil {
		return err
	}
	defer in.Release(ctx)
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Host: "localhost", RequestURI: "/"}
	w := response{header: http.Header{}}
	if err := wasihttp.Serve(ctx, in, handler, &w, r); err != nil {
		return err
	}
	if !strings.Contains(w.body.String(), "Hello") {
		return fmt.Errorf("status %d, %q", w.status, w.body.String())
	}
	return nil
}

// response keeps what is written to it.
type response struct {
	header http.Header
	status int
	body   strings.Builder
}

func (w *response) Header() http.Header         { return w.header }
func (w *response) Write(b []byte) (int, error) { return w.body.Write(b) }
func (w *response) WriteHeader(status int)      { w.status = status }

// stepBytes is how much of a guest's memory is filled or copied at once.
const stepBytes = 64 << 10

// fill and copied are what attacks that move memory do, by Go.
func fill(b []byte) {
	for ; len(b) >= stepBytes; b = b[stepBytes:] {
		clear(b[:stepBytes])
	}
}

func copied(b []byte) {
	for from := b[len(b)/2:]; len(from) >= stepBytes; b, from = b[stepBytes:], from[stepBytes:] {
		copy(b[:stepBytes], from)
	}
}
