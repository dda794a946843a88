package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
)

// The states of a workload in the inventory.
const (
	stateStarting = "starting"
	stateRunning  = "running"
	stateFailed   = "failed"
	stateStopping = "stopping"
)

// workload is a component or provider assigned to this host. One goroutine at
// a time works on it, so that starts of one name never overlap. Its
// fields are guarded by mu, the host's.
type workload[T any] struct {
	name    string
	mu      *sync.Mutex
	count   uint32
	want    uint64 // stamp of what shall run, see desired; 0: nothing
	have    uint64 // stamp of what runs
	running *T     // nil while nothing runs
	// revision is that of the record that state and err speak of.
	revision uint64
	state    string
	err      error
	working  bool
	retryAt  time.Duration
	gone     bool
	moved    chan struct{} // closed and replaced at each change of the above
}

// desired is what link state wants of a workload.
type desired struct {
	// stamp changes with everything that asks for a new start.
	stamp uint64
	count uint32
}

// set changes the state and wakes who waits for a change. mu is held.
func (w *workload[T]) set(state string, err error) {
	w.state, w.err = state, err
	close(w.moved)
	w.moved = make(chan struct{})
}

// message says why the state is what it is, and what to do about it. mu is
// held.
func (w *workload[T]) message() string {
	if w.err == nil {
		return ""
	}
	text := w.err.Error()
	if w.running != nil {
		text = "the update failed, what ran before keeps running: " + text
	}
	if next := errcode.NextOf(w.err); next != "" {
		text += " (" + next + ")"
	}
	return text
}

// get waits until the workload runs and returns what runs.
//
// Errors: why it failed; ErrUnavailable if it was stopped; ErrDeadline or
// ErrUnavailable when ctx ends.
func (w *workload[T]) get(ctx context.Context) (*T, error) {
	for {
		w.mu.Lock()
		moved, running, err := w.moved, w.running, w.err
		if w.gone && err == nil {
			err = errcode.New(errcode.Unavailable, "%s was stopped", w.name)
		}
		w.mu.Unlock()
		if running != nil {
			return running, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, errcode.New(errcode.Of(ctx.Err()), "%s is not running yet: %w", w.name, context.Cause(ctx))
		}
	}
}

// driver starts and stops workloads of one kind.
type driver[T any] struct {
	all map[string]*workload[T] // guarded by host.mu
	// start makes what link state asks for under the name and returns the
	// revision of the record, also with an error. It runs beside old, which
	// may be nil.
	start func(ctx context.Context, name string, old *T) (t *T, revision uint64, err error)
	// turned is told under host.mu that another T, or nil, runs now, before
	// anyone may use it.
	turned func(t *T)
	// stop ends what no longer runs under its name, when nothing uses it.
	stop func(ctx context.Context, t *T)
	// alone says that a start failed because the old one still runs.
	alone func(err error) bool
}

// The pauses after failed starts.
const (
	minRetry = 500 * time.Millisecond
	maxRetry = 30 * time.Second
)

// desire sets what shall run, by name. host.mu is held.
func (d *driver[T]) desire(h *Host, want map[string]desired) {
	for name, r := range want {
		w := d.all[name]
		if w == nil {
			w = &workload[T]{name: name, mu: &h.mu, state: stateStarting, moved: make(chan struct{})}
			d.all[name] = w
		}
		w.count = r.count
		if w.want != r.stamp || w.gone {
			w.want, w.gone, w.retryAt = r.stamp, false, 0
			w.set(stateStarting, nil)
			d.work(h, w)
		}
	}
	for name, w := range d.all {
		if _, ok := want[name]; !ok && !w.gone {
			w.want, w.gone = 0, true
			w.set(stateStopping, nil)
			d.work(h, w)
		}
	}
}

// work has a goroutine bring the workload to what is wanted. host.mu is held.
func (d *driver[T]) work(h *Host, w *workload[T]) {
	if w.working {
		return // it looks again when it is done
	}
	w.working = true
	h.spawn(func() {
		for d.pass(h, w) {
		}
	})
}

// pass does one start or stop and reports whether to look again.
func (d *driver[T]) pass(h *Host, w *workload[T]) bool {
	h.mu.Lock()
	want, old := w.want, w.running
	switch {
	case h.stopping || want == w.have && (want == 0) == (old == nil):
		w.working = false
		if w.gone && !h.stopping {
			delete(d.all, w.name)
		}
		h.mu.Unlock()
		return false
	case want == 0:
		d.turnLocked(h, w, nil, 0)
		h.mu.Unlock()
		if old != nil {
			d.stop(h.hard, old)
		}
		return true
	case old == nil:
		w.set(stateStarting, nil)
	}
	h.mu.Unlock()
	t, revision, err := d.start(h.ctx, w.name, old)
	if err != nil && old != nil && d.alone != nil && d.alone(err) {
		h.cfg.Log.Info("stopping the old one first", "workload", w.name, "error", err)
		h.mu.Lock()
		d.turnLocked(h, w, nil, 0)
		w.set(stateStarting, nil)
		h.mu.Unlock()
		d.stop(h.hard, old)
		return true
	}
	if err != nil {
		return d.failed(h, w, want, revision, err)
	}
	h.mu.Lock()
	if h.stopping {
		w.working = false
		h.mu.Unlock()
		d.stop(h.hard, t)
		return false
	}
	w.revision, w.retryAt = revision, 0
	d.turnLocked(h, w, t, want)
	w.set(stateRunning, nil)
	h.mu.Unlock()
	h.cfg.Log.Info("running", "workload", w.name, "revision", revision)
	if old != nil { // what it has begun may take its time: the next update does not wait for it
		h.spawn(func() { d.stop(h.hard, old) })
	}
	return true
}

// turnLocked lets another one run under the workload's name.
func (d *driver[T]) turnLocked(h *Host, w *workload[T], t *T, stamp uint64) {
	w.running, w.have = t, stamp
	d.turned(t)
	h.changedLocked()
}

// failed notes a start that failed, waits, and reports whether to look again.
func (d *driver[T]) failed(h *Host, w *workload[T], want, revision uint64, err error) bool {
	h.mu.Lock()
	if w.want != want { // it was for something that is no longer wanted
		h.mu.Unlock()
		return true
	}
	w.revision = revision
	w.set(stateFailed, err)
	w.retryAt = min(max(2*w.retryAt, minRetry), maxRetry)
	moved, wait := w.moved, w.retryAt
	h.changedLocked()
	h.mu.Unlock()
	h.cfg.Log.Warn("start failed", "workload", w.name, "revision", revision, "error", err)
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-moved:
	case <-h.ctx.Done():
	}
	return true // pass ends it if the host is stopping
}

// inUse reports whether a provider cannot start because another one has what
// only one can have: a file, an address.
func inUse(err error) bool { return errors.Is(err, errcode.Conflict) }

// wanted returns what link state assigns to this host, and the local providers
// that it needs for that.
func (h *Host) wanted(v *linkstate.View) (comps, provs map[string]desired) {
	comps, provs = map[string]desired{}, map[string]desired{}
	for _, a := range v.Assignments() {
		n := a.On(string(h.cfg.ID))
		if n == 0 {
			continue
		}
		switch a.Kind {
		case linkstate.ComponentWorkload:
			if r := v.Component(a.Name); r != nil {
				comps[a.Name] = desired{r.Revision, n}
			}
		case linkstate.ProviderWorkload:
			if r := v.Provider(a.Name); r != nil {
				provs[a.Name] = desired{providerStamp(v, r), n}
			}
		}
	}
	h.addLocal(v, comps, provs)
	return comps, provs
}

// providerStamp changes with a provider's record and with the content of its
// configs: it is made with both.
func providerStamp(v *linkstate.View, r *linkstate.Provider) uint64 {
	stamp := r.Revision
	for _, name := range r.Config {
		if c := v.Config(name); c != nil {
			stamp = max(stamp, c.Revision)
		}
	}
	return stamp
}
