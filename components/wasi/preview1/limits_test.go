package preview1

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/errcode"
)

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		function string
		limits   components.Limits
		want     errcode.Code
	}{
		{"spin", components.Limits{Time: 30 * time.Millisecond}, errcode.Deadline},
		{"spin", components.Limits{Fuel: 1_000_000}, errcode.Exhausted},
		{"recurse", components.Limits{Time: 10 * time.Second}, errcode.Exhausted},
		{"trap", components.Limits{}, errcode.Trap},
	} {
		g := open(t, wasi.Config{}, c.limits)
		_, err := g.in.Call(t.Context(), c.function)
		if _, ok := components.IsTrap(err); !ok || !errors.Is(err, c.want) {
			t.Errorf("%s under %+v: %v, want a trap of class %s", c.function, c.limits, err, c.want)
		}
		if _, err := g.in.Call(t.Context(), "sched_yield"); !errors.Is(err, errcode.Trap) {
			t.Errorf("after %s: %v, want that the instance is gone", c.function, err)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	g := open(t, wasi.Config{}, components.Limits{MemoryBytes: 4 << 16})
	for _, c := range []struct{ pages, want uint64 }{{2, 2}, {1, 0xffffffff}, {0, 4}} {
		out, err := g.in.core.Call(t.Context(), "grow", c.pages)
		if err != nil || out[0] != c.want {
			t.Errorf("grow by %d: %v, %v; want %d", c.pages, out, err, c.want)
		}
	}
	g.want(0, "random_get", 4<<16-8, 8)
	g.want(errFault, "random_get", 4<<16-8, 9)
}

// subscribe stores a subscription.
func (g *testGuest) subscribe(at int, userdata uint64, kind byte, rest ...uint64) {
	b := make([]byte, subscriptionSize)
	binary.LittleEndian.PutUint64(b, userdata)
	b[8] = kind
	for i, v := range rest {
		binary.LittleEndian.PutUint64(b[16+8*i:], v)
	}
	g.put(at, string(b))
}

func TestPoll(t *testing.T) {
	dir := t.TempDir()
	hostFile(t, dir, "f", "0123")
	r, w := io.Pipe()
	defer w.Close()
	g := open(t, wasi.Config{Stdin: r, Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/"}}}, components.Limits{})
	poll := func(n uint64) []byte {
		t.Helper()
		g.want(0, "poll_oneoff", atVector, atBuffer, n, atResult)
		return g.get(atBuffer, eventSize*int(g.u32(atResult)))
	}
	g.want(errInval, "poll_oneoff", atVector, atBuffer, 0, atResult)
	g.want(errFault, "poll_oneoff", 0x1fff0, atBuffer, 1, atResult)
	g.want(errInval, "poll_oneoff", 0, 0, 1<<20, atResult)

	// Standard input gives nothing, the clock comes.
	g.subscribe(atVector, 7, eventRead, 0)
	g.subscribe(atVector+subscriptionSize, 8, eventClock, clockMonotonic, uint64(time.Millisecond))
	if b := poll(2); len(b) != eventSize || b[0] != 8 || b[8] != 0 || b[10] != eventClock {
		t.Errorf("events % x", b)
	}
	// A moment in the past, a descriptor that is not open, a file, an unknown clock.
	fd := g.open(0, "f", 0, 0, rightFdRead)
	g.subscribe(atVector, 1, eventClock, clockRealtime, 1, 0, absolute)
	g.subscribe(atVector+subscriptionSize, 2, eventRead, 99)
	g.subscribe(atVector+2*subscriptionSize, 3, eventRead, fd)
	g.subscribe(atVector+3*subscriptionSize, 4, eventClock, 77, 1)
	b := poll(4)
	if len(b) != 4*eventSize || errno(b[eventSize+8]) != errBadf || b[2*eventSize+16] != 4 || errno(b[3*eventSize+8]) != errInval {
		t.Errorf("events % x", b)
	}
	// Now standard input has something.
	go func() { _, _ = w.Write([]byte("line")) }() // ends when the guest has read, or w is closed
	g.subscribe(atVector, 7, eventRead, 0)
	if b := poll(1); len(b) != eventSize || b[0] != 7 || b[10] != eventRead {
		t.Errorf("events % x", b)
	}
	if got := g.read(0, 0, 100); got != "line" {
		t.Errorf("read %q", got)
	}
	g.want(0, "fd_fdstat_set_flags", 0, flagNonblock)
	g.read(errAgain, 0, 100)
}

// TestWaitsEnd stops guests that wait in the host.
func TestWaitsEnd(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	g := open(t, wasi.Config{Stdin: r}, components.Limits{Time: 30 * time.Millisecond})
	g.vector(atVector, atBuffer, 10)
	if _, err := g.try("fd_read", 0, atVector, 1, atResult); !errors.Is(err, errcode.Deadline) {
		t.Errorf("read: %v, want a deadline", err)
	}
	g = open(t, wasi.Config{}, components.Limits{})
	g.subscribe(atVector, 0, eventClock, clockMonotonic, uint64(time.Hour))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := g.in.core.Call(ctx, "poll_oneoff", atVector, atBuffer, 1, atResult); !errors.Is(err, errcode.Deadline) {
		t.Errorf("poll: %v, want a deadline", err)
	}
}

// TestRefusedModules are modules that cannot run.
func TestRefusedModules(t *testing.T) {
	e := engine(t)
	for _, c := range []struct {
		what string
		data []byte
		want errcode.Code
		text string
	}{
		{"no module", []byte("junk"), errcode.Invalid, "preamble"},
		{"unknown import", (&builder{imports: [][3]string{{"env", "f", ":"}}}).bytes(), errcode.NotFound, `"env" "f"`},
		{"unknown function", (&builder{imports: [][3]string{{moduleName, "fd_teleport", ":"}}}).bytes(), errcode.NotFound, "fd_teleport"},
		{"another type", (&builder{imports: [][3]string{{moduleName, "fd_close", "I:i"}}}).bytes(), errcode.Invalid, "its type is not the host's"},
		{"an older snapshot", (&builder{imports: [][3]string{{"wasi_unstable", "fd_close", "i:i"}}}).bytes(), errcode.NotFound, "wasi_unstable"},
		{"too much memory", (&builder{pages: 2000}).bytes(), errcode.Exhausted, "2000 > 1024"},
	} {
		_, err := Compile(t.Context(), e, c.data, components.Limits{})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %s with %q", c.what, err, c.want, c.text)
		}
	}
}
