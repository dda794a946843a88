//go:build linux || darwin

package sockets

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// sending carries what a guest writes to a peer, on a goroutine of the group.
//
// It goes on when the guest drops the socket, or the future that tells how it
// ended. What ends it: the end of the data, a failure of the connection, the
// end of the guest's instance, and the group's Close. Of the third the data
// alone tells, and the first may never come. So once nobody holds the socket
// nor the future, it looks after the data also while the peer takes nothing;
// and data that has ended, or that no guest writes, has a time to be sent.
type sending struct {
	k      *sock
	data   abi.Stream[byte]
	guests bool // the data is what a guest writes, and ends with its instance
	waits  waits
	ctx    context.Context
	cancel context.CancelCauseFunc

	unheld chan struct{} // closed when nobody holds the socket nor the future

	mu      sync.Mutex
	holders int         // guarded by mu: the socket, the future
	ended   bool        // guarded by mu: no guest will write more
	timer   *time.Timer // guarded by mu: ends what goes on for too long, nil for not yet
	over    bool        // guarded by mu
}

// errLinger: what was sent was not taken in time.
var errLinger = errcode.New(errcode.Deadline, "send: nobody holds the socket any more, and the peer does not take the rest")

func newSending(k *sock, data abi.Stream[byte]) *sending {
	k.acquire()
	s := &sending{
		k: k, data: data, waits: waits{deadline: k.file.SetWriteDeadline},
		unheld: make(chan struct{}), holders: 2,
	}
	_, s.guests = data.(abi.ElementReader)
	s.ended = !s.guests
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// leave says that one holder less is there.
func (s *sending) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holders--; s.holders == 0 {
		close(s.unheld)
	}
	s.lingerLocked()
}

// end says that no guest will write more.
func (s *sending) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.lingerLocked()
}

func (s *sending) lingerLocked() {
	if s.ended && s.holders == 0 && !s.over && s.timer == nil {
		s.timer = time.AfterFunc(s.k.sys.linger, func() { s.cancel(errLinger) })
	}
}

// run sends everything, until ctx ends.
func (s *sending) run(ctx context.Context) error {
	defer s.finish()
	defer context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })()
	s.waits.until(s.ctx)
	buf, spare := streams.GetBuffer(), streams.GetBuffer()
	defer func() {
		streams.PutBuffer(buf)
		streams.PutBuffer(spare)
	}()
	n, end := s.read(s.ctx, buf[:])
	for {
		rest, err := s.write(buf[:n])
		switch {
		case err != nil:
			return err
		case len(rest) > 0:
			if n, err = s.writeAndRead(rest, spare, &end); err != nil {
				return err
			}
			buf, spare = spare, buf
		case end == nil:
			n, end = s.read(s.ctx, buf[:])
		case end != io.EOF && s.ctx.Err() != nil:
			return context.Cause(s.ctx)
		default: // everything is sent, in time or just not
			return nil
		}
	}
}

// read reads data until ctx ends. An end that is not that of the data is for a
// guest the end of its instance, and of a source in Go no failure of the
// connection.
func (s *sending) read(ctx context.Context, b []byte) (n int, end error) {
	n, end = s.data.Read(ctx, b)
	switch {
	case end == nil || !s.guests:
	case errors.Is(end, errLook):
		end = nil
	case end == io.EOF:
		s.end()
	default:
		s.cancel(end)
	}
	return n, end
}

// writeAndRead writes b, for which the peer has no room yet, and reads the next
// data meanwhile, unless it has ended.
func (s *sending) writeAndRead(b []byte, next *streams.Buffer, end *error) (n int, err error) {
	var read sync.WaitGroup
	wrote := make(chan struct{})
	if *end == nil {
		read.Go(func() { n, *end = s.readAhead(next, wrote) })
	}
	if _, err = s.k.file.Write(b); err != nil {
		err = s.waits.why(s.ctx, err)
		s.cancel(err) // ends the reading
	}
	close(wrote)
	read.Wait()
	return n, err
}

// errLook ends a read that only looks.
var errLook = errors.New("a look is over at once")

// lookRoom is how much of a buffer is left for what looks find.
const lookRoom = 1024

// lookInterval is the time between two looks.
const lookInterval = time.Second

// readAhead reads the next data. From then on, until wrote is closed, it looks
// whether the guest is there as soon as nothing else tells of its end: with
// reads that are over at once, and give a byte where one comes in between.
func (s *sending) readAhead(buf *streams.Buffer, wrote <-chan struct{}) (n int, end error) {
	n, end = s.read(s.ctx, buf[:len(buf)-lookRoom])
	if !s.guests || end != nil {
		return n, end
	}
	select {
	case <-wrote:
		return n, nil
	case <-s.unheld:
	}
	at := time.NewTicker(lookInterval)
	defer at.Stop()
	look, cancel := context.WithCancelCause(s.ctx)
	cancel(errLook)
	for n < len(buf) && end == nil {
		var k int
		k, end = s.read(look, buf[n:n+1])
		n += k
		if end == nil {
			select {
			case <-wrote:
				return n, nil
			case <-at.C:
			}
		}
	}
	return n, end
}

// write writes what the peer has room for, and answers the rest.
func (s *sending) write(b []byte) (rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil
	}
	failure := s.k.raw.Write(func(fd uintptr) bool {
		for len(b) > 0 && err == nil {
			var n int
			if n, err = unix.Write(int(fd), b); err == nil {
				b = b[n:]
			} else if err == unix.EINTR {
				err = nil
			}
		}
		return true
	})
	switch {
	case failure != nil:
		err = s.waits.why(s.ctx, failure)
	case err == unix.EAGAIN:
		err = nil
	}
	return b, err
}

// finish shuts the direction and lets go of everything.
func (s *sending) finish() {
	s.mu.Lock()
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.data.Close()
	s.cancel(nil)
	s.waits.end()
	_ = unix.Shutdown(s.k.fd, unix.SHUT_WR) // the peer may be gone
	s.k.release()
}
