package wasihttp3

import (
	"context"
	"sync"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/wit/abi"
)

// outcome is how the transmission of a message ended.
type outcome = abi.Result[struct{}, contract.ErrorCode]

// transmission is the future that tells who made a message what became of it.
// It is resolved once, by whoever sends the message or gives it up, or by the
// future of a guest that took the message itself. A nil one tells nobody.
type transmission struct {
	mu      sync.Mutex
	settled bool                // guarded by mu
	closed  bool                // guarded by mu: nobody reads it
	from    abi.Future[outcome] // set before done is closed
	value   outcome             // the same, without from
	done    chan struct{}
}

var _ abi.Future[outcome] = (*transmission)(nil)

func newTransmission() *transmission { return &transmission{done: make(chan struct{})} }

// Settled implements [abi.Settled].
func (t *transmission) Settled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.settled && t.from == nil
}

// sent resolves t with success, or with the code of err.
func (t *transmission) sent(err error) {
	if t == nil {
		return
	}
	v := outcome{}
	if err != nil {
		v.IsErr, v.Err = true, codeOf(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.settled {
		t.settled, t.value = true, v
		close(t.done)
	}
}

// follow resolves t with what from will give.
func (t *transmission) follow(from abi.Future[outcome]) {
	if t == nil {
		from.Close()
		return
	}
	t.mu.Lock()
	follows := !t.settled && !t.closed
	if follows {
		t.settled, t.from = true, from
		close(t.done)
	}
	t.mu.Unlock()
	if !follows {
		from.Close()
	}
}

// Read implements [abi.Future].
func (t *transmission) Read(ctx context.Context) (outcome, error) {
	select {
	case <-t.done:
	case <-ctx.Done():
		return outcome{}, context.Cause(ctx)
	}
	if t.from != nil {
		return t.from.Read(ctx)
	}
	return t.value, nil
}

// Close implements [abi.Future].
func (t *transmission) Close() {
	t.mu.Lock()
	t.closed = true
	from := t.from
	t.mu.Unlock()
	if from != nil {
		from.Close()
	}
}
