package control

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// drainKey names a replaced generation of a link.
type drainKey struct {
	link       string
	generation uint64
}

// drainTask is a drain under way, or one that ended lately.
type drainTask struct {
	done chan struct{}
	cut  []lattice.DrainReport // what was still open at the end; set before done is closed
}

// keptDrains is how many drains that ended are remembered.
const keptDrains = 256

// drive takes what link state says is under way to its end: swaps that were
// prepared before this service opened, and drains.
func (s *Service) drive() {
	v := s.store.Local()
	for _, l := range v.Links() {
		if l.Swap != nil {
			s.start(func() { s.resume(l) })
		}
	}
	for s.ctx.Err() == nil {
		for _, l := range v.Links() {
			for _, d := range l.Drains {
				s.startDrain(l, d)
			}
		}
		commits, err := s.store.Commits(s.ctx, v.Index())
		if err != nil && !errors.Is(err, errcode.NotFound) {
			return
		}
		v = s.store.Local()
		s.wakeFor(commits)
	}
}

// wakeFor wakes the placement when workloads changed.
func (s *Service) wakeFor(commits []linkstate.Commit) {
	for _, c := range commits {
		for _, ch := range c.Changes {
			if ch.Kind == linkstate.KindComponent || ch.Kind == linkstate.KindProvider || ch.Kind == linkstate.KindAssignment && ch.Deleted {
				select {
				case s.place <- struct{}{}:
				default:
				}
				return
			}
		}
	}
}

// resume finishes a swap whose driver is gone.
func (s *Service) resume(l *linkstate.Link) {
	// The hosts it needs may not have been heard of yet.
	if !pause(s.ctx, 2*s.cfg.Heartbeat) {
		return
	}
	request := strings.TrimSuffix(l.Swap.Request, ".prepare")
	if _, err := s.finishSwap(s.ctx, request, l.LinkKey, l.Swap.Generation); err != nil {
		s.log.Warn("swap found half done was taken back", "link", l.LinkKey.String(), "to", l.Swap.Targets[0].Name, "error", err)
		return
	}
	s.log.Info("swap found half done was finished", "link", l.LinkKey.String(), "to", l.Swap.Targets[0].Name)
}

// startDrain drains a generation, unless that is under way.
func (s *Service) startDrain(l *linkstate.Link, d linkstate.Drain) {
	key := drainKey{l.LinkKey.String(), d.Generation}
	s.mu.Lock()
	if s.draining[key] != nil {
		s.mu.Unlock()
		return
	}
	task := &drainTask{done: make(chan struct{})}
	s.draining[key] = task
	budget := s.budgets[key]
	delete(s.budgets, key)
	s.mu.Unlock()
	if budget <= 0 {
		budget = s.cfg.DrainBudget
	}
	s.start(func() {
		defer close(task.done)
		task.cut = s.drain(l, d, budget)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = append(s.ended, key)
		if len(s.ended) > keptDrains {
			delete(s.draining, s.ended[0])
			s.ended = slices.Delete(s.ended, 0, 1)
		}
	})
}

// drain ends a generation in order: every host has turned to the new one; a
// pause for calls that were on their way; callers have none open; targets
// have none open; link state forgets it and hosts close it.
func (s *Service) drain(l *linkstate.Link, d linkstate.Drain, budget time.Duration) []lattice.DrainReport {
	ctx, cancel := context.WithTimeout(s.ctx, budget+s.cfg.Overlap)
	defer cancel()
	v := s.store.Local()
	s.waitApplied(ctx, s.hosts.live(v.AffectedHosts(l)), l.Revision)
	pause(ctx, s.cfg.Overlap)
	cut := s.drainOn(ctx, l, d, hostsOf(v, l.Source))
	var targets []string
	for _, t := range d.Targets {
		targets = append(targets, hostsOf(v, t.Name)...)
	}
	cut = append(cut, s.drainOn(ctx, l, d, targets)...)
	for s.ctx.Err() == nil {
		_, err := s.apply(s.ctx, "", "", linkstate.Command{FinishDrain: &linkstate.FinishDrain{Key: l.LinkKey, Generation: d.Generation}})
		if err == nil {
			break
		}
		s.log.Warn("end of drain not written, will try again", "link", l.LinkKey.String(), "error", err)
		pause(s.ctx, time.Second)
	}
	for _, r := range cut {
		s.log.Warn("drain budget is over: cut off", "link", l.LinkKey.String(), "host", r.Host, "calls", r.Calls, "handles", r.Handles)
	}
	return cut
}

// drainOn waits until the hosts have nothing open on a generation and returns
// the reports of those that still had when the budget was over.
func (s *Service) drainOn(ctx context.Context, l *linkstate.Link, d linkstate.Drain, ids []string) []lattice.DrainReport {
	slices.Sort(ids)
	hosts := s.hosts.live(slices.Compact(ids))
	reports := make([]lattice.DrainReport, len(hosts))
	var wg sync.WaitGroup
	for i, id := range hosts {
		wg.Go(func() {
			for len(s.hosts.live([]string{string(id)})) > 0 {
				try, cancel := context.WithTimeout(s.ctx, 2*tryFor)
				at, _ := ctx.Deadline()
				left := min(max(time.Until(at), 0), tryFor)
				rep, err := askHost[lattice.DrainLink, lattice.DrainReport](try, s, id, lattice.HostOpDrain,
					lattice.DrainLink{Key: l.LinkKey, Generation: d.Generation, Budget: left})
				cancel()
				if err == nil {
					reports[i] = rep
				}
				if err == nil && rep.Calls+rep.Handles == 0 || ctx.Err() != nil {
					return
				}
				pause(ctx, 50*time.Millisecond)
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(reports, func(r lattice.DrainReport) bool { return r.Calls == 0 && r.Handles == 0 })
}

// waitDrained waits until no generation of a link before the given one drains
// and returns what was cut off of the replaced one.
func (s *Service) waitDrained(ctx context.Context, key linkstate.LinkKey, before, replaced uint64) ([]lattice.DrainReport, error) {
	for {
		v := s.store.Local()
		l := v.Link(key)
		if l == nil || !slices.ContainsFunc(l.Drains, func(d linkstate.Drain) bool { return d.Generation < before }) {
			break
		}
		if _, err := s.store.Commits(ctx, v.Index()); err != nil && !errors.Is(err, errcode.NotFound) {
			return nil, errcode.New(errcode.Of(err), "swapped, but the old target still drains: %w", err).
				WithNext("lattice link list shows what drains")
		}
	}
	s.mu.Lock()
	task := s.draining[drainKey{key.String(), replaced}]
	s.mu.Unlock()
	if task == nil {
		return nil, nil
	}
	select {
	case <-task.done: // about to be: its end is written
		return task.cut, nil
	case <-ctx.Done():
		return nil, nil
	}
}
