package components

import (
	"context"
	"io"
	"os"
	"time"

	"latticework/wit"
	"latticework/wit/abi"
)

// Kept returns how many instances t keeps, set back.
func (t *Template) Kept() int {
	t.reuse.mu.Lock()
	defer t.reuse.mu.Unlock()
	return len(t.reuse.free)
}

// Serving returns the name of the interface of given that serves import name,
// "" if none does.
func Serving(name string, given ...string) string {
	var list []*abi.Interface
	for _, g := range given {
		list = append(list, &abi.Interface{Name: g})
	}
	if best := match(name, list); best != nil {
		return best.Name
	}
	return ""
}

// Matches returns how many comparisons of types t remembers.
func (t *Template) Matches() int {
	if known := t.matches.known.Load(); known != nil {
		return len(*known)
	}
	return 0
}

// Pacer is what has guests wait for the garbage that they make, with a clock and
// a heap of the test's.
type Pacer struct{ p pacer }

// NewPacer returns one.
func NewPacer(now func() time.Time, room func() uint64) *Pacer {
	return &Pacer{pacer{now: now, room: room}}
}

// Collections and Bursts are the bounds that it keeps.
const (
	Collections = collections
	Bursts      = bursts
)

// HeapRoom returns how much room the process's pacer takes the heap to have. No
// guest that makes garbage may run.
func HeapRoom() uint64 { return heapRoom() }

// Maker is a guest that makes garbage.
type Maker struct{ g garbage }

// Make has m make n bytes, and returns how long m is to wait. m waits until
// Waited.
func (p *Pacer) Make(m *Maker, n int) time.Duration {
	if !m.g.made(n) {
		return 0
	}
	return p.p.take(&m.g)
}

// Waited ends a wait.
func (p *Pacer) Waited() { p.p.waiting-- }

// Settle has m make n bytes and wait.
func (p *Pacer) Settle(ctx context.Context, deadline time.Time, m *Maker, n int) {
	if m.g.made(n) {
		p.p.settle(ctx, deadline, &m.g)
	}
}

// Room returns for how many handles the instances that t keeps have room.
func (t *Template) Room() int {
	t.reuse.mu.Lock()
	defer t.reuse.mu.Unlock()
	n := 0
	for _, in := range t.reuse.free {
		for _, s := range in.states {
			n += cap(s.table.entries)
		}
	}
	return n
}

// Template returns what the instance is made of.
func (in *Instance) Template() *Template { return in.tmpl }

// Resource returns the type of r.
func (r *GuestResource) Resource() *wit.Resource { return r.res }

// OpenCode opens a file of compiled code as for the engine; nil if it is damaged.
func OpenCode(path string) io.ReadCloser {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	if r := openCode(f, path); r != nil {
		return r
	}
	_ = f.Close()
	return nil
}

// CompileError is what is told of an error of the engine's compiler.
func CompileError(ctx context.Context, err error) error { return compileError(ctx, err) }

// PruneCache bounds the cache folder dir of a build at a time, to limit bytes.
func PruneCache(dir, build string, now time.Time, limit int64) {
	(&rewritten{dir: dir, build: build}).prune(now, limit)
}
