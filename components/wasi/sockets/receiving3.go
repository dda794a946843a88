//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"latticework/wit/abi"
)

// receiving is the stream of what the peer sends.
type receiving struct {
	k       *sock
	waits   waits
	set     func(outcome) // tells how it ended
	closing sync.Once
}

var _ abi.Stream[byte] = (*receiving)(nil)

func newReceiving(k *sock, set func(outcome)) *receiving {
	k.acquire()
	return &receiving{k: k, waits: waits{deadline: k.file.SetReadDeadline}, set: set}
}

// Read implements [abi.Stream].
func (r *receiving) Read(ctx context.Context, b []byte) (int, error) {
	r.waits.until(ctx)
	n, err := r.k.file.Read(b)
	if err == nil {
		return n, nil
	}
	var errno unix.Errno
	err = r.waits.why(ctx, err)
	if err == io.EOF {
		r.set(outcomeOf(nil))
	} else if errors.As(err, &errno) {
		r.set(outcomeOf(errno))
	}
	return n, err
}

// Close implements [abi.Stream]: nothing is received any more.
func (r *receiving) Close() {
	r.closing.Do(func() {
		r.waits.end()
		_ = unix.Shutdown(r.k.fd, unix.SHUT_RD) // the peer may be gone
		r.set(outcomeOf(nil))
		r.k.release()
	})
}
