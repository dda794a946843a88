package host

import (
	"context"
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
// a time works on it, so that starts and stops of one name never overlap.
// Guarded by host.mu.
type workload[T any] struct {
	name     string
	count    uint32
	want     uint64 // revision of the record to run; 0: stop
	have     uint64 // revision of what runs
	running  *T     // nil while nothing runs
	state    string
	message  string
	err      error
	working  bool
	retryAt  time.Duration
	gone     bool
	moved    chan struct{} // closed and replaced at each change of the above
	lockHost func(func())
}

func newWorkload[T any](name string, locked func(func())) *workload[T] {
	return &workload[T]{name: name, state: stateStarting, moved: make(chan struct{}), lockHost: locked}
}

// set changes the state. host.mu is held.
func (w *workload[T]) set(state string, err error) {
	w.state, w.err, w.message = state, err, ""
	if err != nil {
		w.message = err.Error()
	}
	close(w.moved)
	w.moved = make(chan struct{})
}

// await waits until the workload runs.
//
// Errors: why it failed; ErrDeadline or ErrUnavailable when ctx ends.
func (w *workload[T]) await(ctx context.Context) error {
	for {
		var moved chan struct{}
		var err error
		running := false
		w.lockHost(func() {
			moved, running, err = w.moved, w.running != nil, w.err
			if w.gone && err == nil {
				err = errcode.New(errcode.Unavailable, "%s was stopped", w.name)
			}
		})
		if running {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return errcode.New(errcode.Of(ctx.Err()), "%s is not running yet: %w", w.name, context.Cause(ctx))
		}
	}
}

// driver starts and stops workloads of one kind.
type driver[T any] struct {
	all map[string]*workload[T] // guarded by host.mu
	// start makes what the record of the workload's name asks for.
	start func(ctx context.Context, name string) (*T, error)
	// started is told under host.mu that a workload runs, before anyone may
	// use it.
	started func(*T)
	// stop ends what no longer runs under its name.
	stop func(ctx context.Context, t *T)
}

const maxRetry = 30 * time.Second

// desire sets what shall run: names with the revisions of their records and
// their counts. host.mu is held.
func (d *driver[T]) desire(h *Host, want map[string]desired) {
	for name, r := range want {
		w := d.all[name]
		if w == nil {
			w = newWorkload[T](name, h.locked)
			d.all[name] = w
		}
		w.count = r.count
		if w.want != r.revision || w.gone {
			w.want, w.gone, w.retryAt = r.revision, false, 0
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

type desired struct {
	revision uint64
	count    uint32
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
	want := w.want
	if want == w.have && (want == 0) == (w.running == nil) {
		w.working = false
		if w.gone {
			delete(d.all, w.name)
		}
		h.mu.Unlock()
		return false
	}
	old := w.running
	if want == 0 {
		w.running, w.have = nil, 0
		h.changedLocked()
		h.mu.Unlock()
		if old != nil {
			d.stop(context.WithoutCancel(h.ctx), old)
		}
		return true
	}
	if old == nil {
		w.set(stateStarting, nil)
	}
	h.mu.Unlock()

	t, err := d.start(h.ctx, w.name)

	h.mu.Lock()
	if err == nil {
		w.running, w.have, w.retryAt = t, want, 0
		d.started(t)
		w.set(stateRunning, nil)
		h.changedLocked()
		h.mu.Unlock()
		h.cfg.Log.Info("running", "workload", w.name, "revision", want)
		if old != nil {
			d.stop(context.WithoutCancel(h.ctx), old)
		}
		return true
	}
	h.cfg.Log.Warn("start failed", "workload", w.name, "error", err)
	w.set(stateFailed, err)
	w.retryAt = min(max(2*w.retryAt, 500*time.Millisecond), maxRetry)
	moved, wait := w.moved, w.retryAt
	h.changedLocked()
	h.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-moved:
	case <-h.ctx.Done():
		return false
	}
	return true
}

// wanted returns what link state assigns to this host.
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
				provs[a.Name] = desired{r.Revision, n}
			}
		}
	}
	return comps, provs
}
