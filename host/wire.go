package host

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/wit"
	"latticework/wit/abi"
)

// lease is how long the owner keeps a handle that is not used: longer than any
// call that could hold it lasts.
const lease = 10 * time.Minute

// maxWireHandles bounds the handles of one session that other hosts hold.
const maxWireHandles = 1 << 16

// wireTable holds the resources of one session that other hosts have handles
// of. It is safe for concurrent use.
type wireTable struct {
	host *Host
	gate *gate

	mu      sync.Mutex
	entries map[uint32]*wireEntry // guarded by mu
}

type wireEntry struct {
	rep  any
	res  *wit.Resource
	used time.Time
}

func newWireTable(h *Host, g *gate) *wireTable {
	return &wireTable{host: h, gate: g, entries: map[uint32]*wireEntry{}}
}

// handleNumber returns a number for a handle that no other handle of this host
// has. Numbers begin at a random point, so that one from an earlier run of the
// host is found out.
func (h *Host) handleNumber() uint32 {
	for {
		if n := h.handles.Add(1); n != 0 {
			return n
		}
	}
}

// randomStart is where a host's handle numbers begin.
func randomStart() uint32 {
	id := lattice.NewInvocationID() // random bits at its end
	return binary.LittleEndian.Uint32([]byte(id)[len(id)-4:]) * 2654435761
}

// LowerOwn gives rep a number.
//
// Errors: ErrExhausted if other hosts hold too many handles of the session.
func (t *wireTable) LowerOwn(rep any, r *wit.Resource) (uint32, error) {
	n := t.host.handleNumber()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) >= maxWireHandles {
		return 0, errcode.New(errcode.Exhausted, "link %s: handles on other hosts: %d > %d", t.gate.linkKey, len(t.entries)+1, maxWireHandles)
	}
	t.entries[n] = &wireEntry{rep: rep, res: r, used: t.host.cfg.Now()}
	t.gate.Acquire()
	return n, nil
}

// LowerBorrow fails: a reply holds no borrowed handle.
func (t *wireTable) LowerBorrow(any, *wit.Resource) (uint32, error) {
	return 0, errcode.New(errcode.Unsupported, "a borrowed handle cannot be returned to another host")
}

// holds reports whether handle i is the table's.
func (t *wireTable) holds(i uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.entries[i] != nil
}

func (t *wireTable) get(i uint32, r *wit.Resource, take bool) (any, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[i]
	if e == nil || r != nil && e.res != r {
		return nil, errGone(i)
	}
	e.used = t.host.cfg.Now()
	if take {
		delete(t.entries, i)
		t.gate.Release()
	}
	return e.rep, nil
}

// errGone says that a handle means nothing here.
func errGone(i uint32) error {
	return errcode.New(errcode.NotFound, "handle %d is not known here: its lease is over, or the provider was restarted", i)
}

// LiftOwn takes handle i back.
func (t *wireTable) LiftOwn(i uint32, r *wit.Resource) (any, error) { return t.get(i, r, true) }

// LiftBorrow returns what handle i stands for.
func (t *wireTable) LiftBorrow(i uint32, r *wit.Resource) (any, error) { return t.get(i, r, false) }

// Owner is not used for other hosts' handles: the table counts them itself.
func (t *wireTable) Owner(uint32) abi.Owner { return nil }

// SetOwner is not used for other hosts' handles.
func (t *wireTable) SetOwner(abi.Owner) {}

// drop ends handle i.
//
// Errors: ErrNotFound if it is gone already.
func (t *wireTable) drop(ctx context.Context, i uint32) error {
	rep, err := t.get(i, nil, true)
	if err != nil {
		return err
	}
	if d, ok := rep.(abi.Dropper); ok {
		d.Drop(ctx)
	}
	return nil
}

// sweep ends the handles that were not used since before.
func (t *wireTable) sweep(ctx context.Context, before time.Time) {
	t.end(ctx, func(e *wireEntry) bool { return e.used.Before(before) })
}

// close ends all handles.
func (t *wireTable) close(ctx context.Context) {
	t.end(ctx, func(*wireEntry) bool { return true })
}

func (t *wireTable) end(ctx context.Context, which func(*wireEntry) bool) {
	var old []*wireEntry
	t.mu.Lock()
	for i, e := range t.entries {
		if which(e) {
			delete(t.entries, i)
			old = append(old, e)
		}
	}
	t.mu.Unlock()
	for _, e := range old {
		if d, ok := e.rep.(abi.Dropper); ok {
			d.Drop(ctx)
		}
		t.gate.Release()
	}
}
