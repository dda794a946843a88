//go:build linux || darwin

package sockets

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	api3 "latticework/components/wasi/bindings/wasisockets3"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// accepting is the stream of the connections of a listener. Where there are as
// many sockets as there may be, it waits until one is closed.
type accepting struct {
	k       *sock
	group   *streams.Group // of the connections
	waits   waits
	closing sync.Once
	gone    chan struct{} // closed by Close
}

var _ abi.Stream[api3.TcpSocket] = (*accepting)(nil)

func newAccepting(k *sock, group *streams.Group) *accepting {
	k.acquire()
	return &accepting{k: k, group: group, waits: waits{deadline: k.file.SetReadDeadline}, gone: make(chan struct{})}
}

// acceptPause is how long nothing is accepted after the system had no means
// for one more connection.
const acceptPause = 20 * time.Millisecond

// Read implements [abi.Stream]. It gives one connection.
func (a *accepting) Read(ctx context.Context, b []api3.TcpSocket) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		c, err := a.next(ctx)
		switch err {
		case nil:
			b[0] = newTCPSocket3(c, connected, a.group)
			return 1, nil
		case unix.EAGAIN, unix.ECONNABORTED:
		case unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS:
			a.pause(ctx)
		case unix.EINVAL, unix.EBADF, unix.ENOTSOCK:
			return 0, err
		default:
			if _, passes := err.(unix.Errno); !passes {
				return 0, err
			}
			// Some systems tell here what happened to one connection.
		}
	}
}

// next waits for a connection and takes it, if nobody else did.
func (a *accepting) next(ctx context.Context) (*sock, error) {
	a.waits.until(ctx)
	err := a.k.raw.Read(func(fd uintptr) bool { return readyFd(int(fd), toRead) })
	if err == nil && !a.k.sys.waitSlot(ctx, a.gone) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, a.waits.why(ctx, err)
	}
	var c *sock
	var failure error
	err = a.k.raw.Read(func(fd uintptr) bool {
		c, failure = a.k.accept(int(fd))
		return true
	})
	if err == nil {
		err = failure
	} else {
		err = a.waits.why(ctx, err)
	}
	if err != nil {
		a.k.sys.freeSlot()
	}
	return c, err
}

func (a *accepting) pause(ctx context.Context) {
	t := time.NewTimer(acceptPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.gone:
	case <-ctx.Done():
	}
}

// Close implements [abi.Stream]. The socket goes on listening.
func (a *accepting) Close() {
	a.closing.Do(func() {
		close(a.gone)
		a.waits.end()
		a.k.release()
	})
}
