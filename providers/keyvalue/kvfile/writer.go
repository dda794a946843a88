package kvfile

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"latticework/internal/errcode"
)

// most is how many writes wait or share one commit.
const most = 256

// writer is the one goroutine that writes to the file. Writes that arrive
// while a commit is under way share the next one, so that many callers pay
// for one flush of the disk.
type writer struct {
	db    *bbolt.DB
	path  string
	queue chan *write
	stop  chan struct{} // closed to end the goroutine
	done  chan struct{} // closed when it has ended
}

// write is one change. Its apply is called inside a transaction: what it
// returns as refusal is for its caller alone and means that it changed
// nothing; failure ends the transaction for all who share it. It may be
// called again.
type write struct {
	ctx     context.Context
	apply   func(tx *bbolt.Tx) (refusal, failure error)
	refusal error
	answer  chan error
}

func startWriter(db *bbolt.DB, path string) *writer {
	w := &writer{db: db, path: path, queue: make(chan *write, most), stop: make(chan struct{}), done: make(chan struct{})}
	go w.run() // ended by close, which waits for it
	return w
}

// close ends the goroutine after the commit in progress. What still waits is
// answered with errcode.Closed and does not happen.
func (w *writer) close() {
	close(w.stop)
	<-w.done
}

// do returns when the change is committed. When ctx ends earlier the change
// may still happen.
func (w *writer) do(ctx context.Context, apply func(tx *bbolt.Tx) (refusal, failure error)) error {
	req := &write{ctx: ctx, apply: apply, answer: make(chan error, 1)}
	select {
	case w.queue <- req:
	case <-ctx.Done():
		return errcode.New(errcode.Of(ctx.Err()), "write to data file: %w", context.Cause(ctx))
	case <-w.done:
		return errClosed()
	}
	select {
	case err := <-req.answer:
		return err
	case <-w.done:
		select {
		case err := <-req.answer: // the last thing that happened
			return err
		default:
			return errClosed()
		}
	case <-ctx.Done():
		return errcode.New(errcode.Of(ctx.Err()), "write to data file: %w: it may still take effect", context.Cause(ctx))
	}
}

func errClosed() error {
	return errcode.New(errcode.Closed, "write to data file: the provider was closed")
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case first := <-w.queue:
			w.commit(w.gather([]*write{first}))
		case <-w.stop:
			return
		}
	}
}

// gather adds to batch what waits right now.
func (w *writer) gather(batch []*write) []*write {
	for len(batch) < most {
		select {
		case next := <-w.queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commit applies a batch in one transaction. If that fails the writes are
// tried alone, so that one cannot spoil another.
func (w *writer) commit(batch []*write) {
	err := w.transact(batch)
	if err != nil && len(batch) > 1 {
		for _, req := range batch {
			w.commit([]*write{req})
		}
		return
	}
	for _, req := range batch {
		if err != nil {
			req.answer <- fileError("write to", w.path, err)
		} else {
			req.answer <- req.refusal
		}
	}
}

// fileError classes what the library reports, and leaves errors of ours.
func fileError(doing, path string, err error) error {
	var own *errcode.Error
	if errors.As(err, &own) {
		return err
	}
	return errcode.New(errcode.Unavailable, "%s data file %s: %w", doing, path, err)
}

func (w *writer) transact(batch []*write) (err error) {
	defer damaged(&err, w.path, watchFaults())
	return w.db.Update(func(tx *bbolt.Tx) error {
		for _, req := range batch {
			if req.ctx.Err() != nil {
				req.refusal = errcode.New(errcode.Of(req.ctx.Err()), "write to data file: %w", context.Cause(req.ctx))
				continue
			}
			var failure error
			if req.refusal, failure = req.apply(tx); failure != nil {
				return failure
			}
		}
		return nil
	})
}
