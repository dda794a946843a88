package host

import (
	"context"
	"errors"
	"time"

	"latticework/internal/errcode"
)

var errClosing = errors.New("the host is closing")

// Drain hands the host's work over: it says that it is draining, and waits
// until link state assigns nothing to it. Until then it serves what nobody
// else can. Close should follow.
//
// Errors:
//   - ErrDeadline or ErrUnavailable when ctx ends first; the message names
//     what stayed.
//   - ErrUnavailable at once if there is no other host that could take it.
func (h *Host) Drain(ctx context.Context) error {
	h.draining.Store(true)
	h.locked(h.changedLocked)
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		h.mu.Lock()
		comps, provs := h.wanted(h.view)
		h.mu.Unlock()
		if len(comps)+len(provs) == 0 {
			return nil
		}
		if h.peers.others(h.cfg.ID) == 0 {
			return errcode.New(errcode.Unavailable, "drain host %s: there is no other host: %d components and %d providers stay", h.cfg.Name, len(comps), len(provs))
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return errcode.New(errcode.Of(ctx.Err()), "drain host %s: %d components and %d providers stay: %w", h.cfg.Name, len(comps), len(provs), context.Cause(ctx))
		}
	}
}

// Close leaves the lattice: it refuses new work, finishes what it accepted
// until ctx ends, and stops everything. It is idempotent; a second caller
// waits for the first.
//
// Errors: those of what it closes.
func (h *Host) Close(ctx context.Context) error {
	h.closer.Do(func() { h.closeErr = h.close(ctx) })
	return h.closeErr
}

func (h *Host) close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { h.cut(context.Cause(ctx)) })
	defer stop()
	defer h.cut(errClosing)
	h.draining.Store(true)
	h.mu.Lock()
	h.closed = true
	announce := h.announce
	h.announce = nil
	h.mu.Unlock()
	var errs []error
	if announce != nil {
		errs = append(errs, announce.Close())
	}
	h.stopSources(ctx, nil)
	h.sourcesEnding.Wait() // what they brought in is still to be answered
	h.settle(ctx)
	errs = append(errs, h.leave())
	h.mu.Lock()
	h.stopping = true
	comps := append([]*component(nil), h.liveComponents...)
	var provs []*provider
	for _, w := range h.provs.all {
		if w.running != nil {
			provs = append(provs, w.running)
			w.running = nil
		}
	}
	h.mu.Unlock()
	h.cancel(errClosing)
	for _, c := range comps {
		c.close(ctx)
	}
	for _, p := range provs {
		h.closeProvider(ctx, p)
	}
	h.group.Wait()
	return errors.Join(errs...)
}

// leave ends what the host has on the bus.
func (h *Host) leave() error {
	var errs []error
	if h.server != nil {
		errs = append(errs, h.server.Close())
	}
	if h.serving != nil {
		errs = append(errs, h.serving.Close())
	}
	if h.follower != nil {
		errs = append(errs, h.follower.Close())
	}
	if h.beats != nil {
		errs = append(errs, h.beats.Close())
	}
	return errors.Join(errs...)
}

// settle waits until nothing runs that was accepted: calls of components, and
// calls and handles of other hosts; or until ctx ends, for handles at most
// Config.DrainTime.
func (h *Host) settle(ctx context.Context) {
	began := time.Now()
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for {
		var calls, handles int64
		h.mu.Lock()
		for _, c := range h.liveComponents {
			calls += c.running.Load()
		}
		for s := range h.openSessions {
			n, held := s.gate.counts()
			calls, handles = calls+n, handles+held
		}
		h.mu.Unlock()
		if calls == 0 && (handles == 0 || time.Since(began) > h.cfg.DrainTime) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// sweep ends handles of other hosts whose lease is over.
func (h *Host) sweep() {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-t.C:
			h.sweepOnce()
		}
	}
}

func (h *Host) sweepOnce() {
	var tables []*wireTable
	h.mu.Lock()
	for s := range h.openSessions {
		tables = append(tables, s.wire)
	}
	h.mu.Unlock()
	before := h.cfg.Now().Add(-lease)
	for _, t := range tables {
		t.sweep(h.hard, before)
	}
}
