package raftstore

import (
	"context"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
)

// barriers lets concurrent reads share raft barriers: reads that arrive while
// one is under way wait together for the next.
type barriers struct {
	next    *barrier // for reads that arrive now; nil if none
	running bool     // a goroutine issues barriers
}

// barrier is one raft barrier and who waits for it.
type barrier struct {
	done chan struct{}
	err  error // set before done is closed
}

// Read returns a linearizable reading, see lattice.Store: a barrier goes
// through the log, so that everything acknowledged before is applied, and so
// that a member that lost the lead cannot answer.
func (s *Store) Read(ctx context.Context) (*linkstate.View, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, closedError("read link state")
	}
	if s.barriers.next == nil {
		s.barriers.next = &barrier{done: make(chan struct{})}
	}
	b := s.barriers.next
	if !s.barriers.running {
		s.barriers.running = true
		s.waiters.Go(s.runBarriers)
	}
	s.mu.Unlock()
	select {
	case <-b.done:
	case <-ctx.Done():
		return nil, errcode.New(errcode.Of(ctx.Err()), "read link state: %w", ctx.Err())
	}
	if b.err != nil {
		return nil, b.err
	}
	return s.fsm.current(), nil
}

// runBarriers issues barriers until nobody waits.
func (s *Store) runBarriers() {
	for {
		s.mu.Lock()
		b := s.barriers.next
		s.barriers.next = nil
		if b == nil {
			s.barriers.running = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if err := s.raft.Barrier(0).Error(); err != nil {
			b.err = raftError("read link state", err)
		}
		close(b.done)
	}
}
