package preview1

import (
	"fmt"
	"io"
	"runtime"

	"latticework/internal/errcode"
)

// ExitError is how proc_exit unwinds a guest: the call that was running ends
// with it. It is no failure of the host; a caller finds it with errors.As.
type ExitError struct{ Code uint32 }

// Error implements error.
func (e *ExitError) Error() string { return fmt.Sprintf("exit with code %d", e.Code) }

// list holds strings as a guest gets them: one after the other, each with a
// zero byte at its end.
type list struct {
	bytes []byte
	at    []uint32 // where each begins
}

func (l *list) add(s string) {
	l.at = append(l.at, uint32(len(l.bytes)))
	l.bytes = append(append(l.bytes, s...), 0)
}

// sizes stores how many strings there are, and their bytes.
func (l *list) sizes(c *call) error {
	n, err := c.mem.place(c.p[0], 4)
	if err != nil {
		return err
	}
	size, err := c.mem.place(c.p[1], 4)
	if err != nil {
		return err
	}
	put32(n, uint32(len(l.at)))
	put32(size, uint32(len(l.bytes)))
	return nil
}

// get stores the address of each string, and the strings.
func (l *list) get(c *call) error {
	addresses, err := c.mem.place(c.p[0], uint32(4*len(l.at)))
	if err != nil {
		return err
	}
	b, err := c.mem.place(c.p[1], uint32(len(l.bytes)))
	if err != nil {
		return err
	}
	for i, at := range l.at {
		put32(addresses[4*i:], c.u32(1)+at)
	}
	copy(b, l.bytes)
	return nil
}

func argsGet(c *call) error         { return c.args.get(c) }
func argsSizesGet(c *call) error    { return c.args.sizes(c) }
func environGet(c *call) error      { return c.env.get(c) }
func environSizesGet(c *call) error { return c.env.sizes(c) }

// The clocks. Those of the processor time of process and thread are known,
// but no guest learns how fast it runs.
const (
	clockRealtime = iota
	clockMonotonic
	clockProcess
	clockThread
)

func checkClock(id uint32) error {
	switch id {
	case clockRealtime, clockMonotonic:
		return nil
	case clockProcess, clockThread:
		return errNotsup
	}
	return errInval
}

// now returns the time of a clock that checkClock lets pass, in nanoseconds.
func (g *guest) now(id uint32) uint64 {
	if id == clockMonotonic {
		return uint64(g.clock.Monotonic())
	}
	return uint64(max(g.clock.Wall().UnixNano(), 0))
}

func clockResGet(c *call) error {
	out, err := c.mem.place(c.p[1], 8)
	if err != nil {
		return err
	}
	if err := checkClock(c.u32(0)); err != nil {
		return err
	}
	put64(out, uint64(c.clock.Resolution()))
	return nil
}

func clockTimeGet(c *call) error {
	out, err := c.mem.place(c.p[2], 8)
	if err != nil {
		return err
	}
	if err := checkClock(c.u32(0)); err != nil {
		return err
	}
	put64(out, c.now(c.u32(0)))
	return nil
}

// randomGet fills a buffer in steps, between which the guest can be stopped.
func randomGet(c *call) error {
	b, err := c.mem.slice(c.u32(0), c.u32(1))
	if err != nil {
		return err
	}
	for len(b) > 0 {
		n := min(len(b), 1<<20)
		if _, err := io.ReadFull(c.random, b[:n]); err != nil {
			return errcode.New(errcode.Internal, "read random bytes: %w", err)
		}
		if b = b[n:]; len(b) > 0 {
			if err := c.in.Overdue(); err != nil {
				return err
			}
		}
	}
	return nil
}

func schedYield(*call) error {
	runtime.Gosched()
	return nil
}

// procRaise refuses: a guest has no signals.
func procRaise(*call) error { return errNotsup }

// sock refuses: no descriptor is a socket, as nothing can open one.
func sock(c *call) error {
	if _, err := c.fd(c.u32(0)); err != nil {
		return err
	}
	return errNotsock
}
