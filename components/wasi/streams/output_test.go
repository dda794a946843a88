package streams

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/errcode"
)

// gate is a writer whose writes wait until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	buf  bytes.Buffer // guarded by mu
	log  []string     // guarded by mu
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) Write(b []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log = append(g.log, "write")
	return g.buf.Write(b)
}

func (g *gate) flush() error {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.log = append(g.log, "flush")
	return nil
}

func (g *gate) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.String()
}

func TestOutputWritesInOrder(t *testing.T) {
	for name, opts := range map[string]OutputOptions{"prompt": {Prompt: true}, "background": {}, "interruptible": {Interrupt: func() {}}} {
		t.Run(name, func(t *testing.T) {
			ctx := testCtx(t)
			g := newGate()
			close(g.open)
			opts.Flush = g.flush
			out := NewOutput(g, opts)
			if n, err := out.CheckWrite(ctx); n == 0 || err != nil {
				t.Fatalf("check-write: %d, %v", n, err)
			}
			steps := []error{
				out.Write(ctx, []byte("a")),
				out.BlockingFlush(ctx),
				out.BlockingWriteAndFlush(ctx, []byte("b")),
				out.WriteZeroes(ctx, 2),
				out.BlockingFlush(ctx),
				out.BlockingWriteZeroesAndFlush(ctx, 1),
				out.Write(ctx, []byte("c")),
				out.Flush(ctx),
				out.BlockingFlush(ctx),
			}
			for i, err := range steps {
				if err != nil {
					t.Errorf("step %d: %v", i, err)
				}
			}
			if got := g.text(); got != "ab\x00\x00\x00c" {
				t.Errorf("written %q", got)
			}
			g.mu.Lock()
			if g.log[len(g.log)-1] != "flush" || !slices.Contains(g.log, "write") {
				t.Errorf("calls %v do not end with a flush", g.log)
			}
			g.mu.Unlock()
			out.Drop(ctx)
			_, err := out.CheckWrite(ctx)
			wantClosed(t, "check-write after drop", err)
			wantClosed(t, "write after drop", out.Write(ctx, []byte("x")))
		})
	}
}

func TestOutputHoldsNoMoreThanItsBuffer(t *testing.T) {
	ctx := testCtx(t)
	g := newGate()
	out := NewOutput(g, OutputOptions{})
	defer out.Drop(ctx)
	p, _ := out.Subscribe(ctx)
	// The drain takes the first buffer and hangs in the gate; the second one
	// stays.
	for range 2 {
		for n := uint64(0); n < BufferSize; {
			if err := p.Block(ctx); err != nil {
				t.Fatal(err)
			}
			n, _ = out.CheckWrite(ctx)
		}
		if n, err := out.CheckWrite(ctx); n != BufferSize || err != nil {
			t.Fatalf("check-write: %d, %v; want %d", n, err, BufferSize)
		}
		if err := out.Write(ctx, make([]byte, BufferSize)); err != nil {
			t.Fatal(err)
		}
	}
	const total = 2 * BufferSize
	if n, err := out.CheckWrite(ctx); n != 0 || err != nil {
		t.Errorf("check-write while full: %d, %v; want 0", n, err)
	}
	if ready, _ := p.Ready(ctx); ready {
		t.Error("ready while full")
	}
	wantCode(t, "write beyond what is allowed", out.Write(ctx, []byte("x")), errcode.Trap)
	close(g.open)
	if err := p.Block(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := out.CheckWrite(ctx); n == 0 || err != nil {
		t.Errorf("check-write when ready: %d, %v", n, err)
	}
	if err := out.BlockingFlush(ctx); err != nil {
		t.Fatal(err)
	}
	if got := len(g.text()); got != total {
		t.Errorf("written %d bytes, want %d", got, total)
	}
}

func TestFlushClosesTheGateUntilDone(t *testing.T) {
	ctx := testCtx(t)
	g := newGate()
	out := NewOutput(g, OutputOptions{Flush: g.flush})
	defer out.Drop(ctx)
	if err := out.Write(ctx, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := out.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := out.CheckWrite(ctx); n != 0 || err != nil {
		t.Errorf("check-write while flushing: %d, %v; want 0", n, err)
	}
	p, _ := out.Subscribe(ctx)
	close(g.open)
	if err := p.Block(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := out.CheckWrite(ctx); n == 0 || err != nil {
		t.Errorf("check-write after the flush: %d, %v", n, err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestOutputReportsFailureOnce(t *testing.T) {
	for name, opts := range map[string]OutputOptions{"prompt": {Prompt: true}, "background": {}} {
		t.Run(name, func(t *testing.T) {
			ctx := testCtx(t)
			out := NewOutput(brokenWriter{}, opts)
			defer out.Drop(ctx)
			wantFailed(t, "write", out.BlockingWriteAndFlush(ctx, []byte("x")), "broken")
			wantClosed(t, "write after the failure", out.Write(ctx, []byte("x")))
			wantClosed(t, "flush after the failure", out.BlockingFlush(ctx))
			_, err := out.CheckWrite(ctx)
			wantClosed(t, "check-write after the failure", err)
		})
	}
	t.Run("in the background", func(t *testing.T) {
		ctx := testCtx(t)
		out := NewOutput(brokenWriter{}, OutputOptions{})
		defer out.Drop(ctx)
		if err := out.Write(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
		wantFailed(t, "flush", out.BlockingFlush(ctx), "broken")
		wantClosed(t, "flush after the failure", out.BlockingFlush(ctx))
	})
}

func TestBlockingWritesAreLimited(t *testing.T) {
	for name, opts := range map[string]OutputOptions{"prompt": {Prompt: true}, "background": {}} {
		t.Run(name, func(t *testing.T) {
			ctx := testCtx(t)
			out := NewOutput(io.Discard, opts)
			defer out.Drop(ctx)
			if err := out.BlockingWriteAndFlush(ctx, make([]byte, BlockingLimit)); err != nil {
				t.Error(err)
			}
			wantCode(t, "4097 bytes", out.BlockingWriteAndFlush(ctx, make([]byte, BlockingLimit+1)), errcode.Trap)
			wantCode(t, "4097 zeroes", out.BlockingWriteZeroesAndFlush(ctx, BlockingLimit+1), errcode.Trap)
			wantCode(t, "many zeroes", out.WriteZeroes(ctx, 1<<63), errcode.Trap)
		})
	}
}

func TestBlockingWriteEndsWithContext(t *testing.T) {
	for _, interruptible := range []bool{true, false} {
		client, server := net.Pipe()
		ctx, cancel := context.WithTimeout(testCtx(t), 20*time.Millisecond)
		opts := OutputOptions{}
		if interruptible {
			opts.Interrupt = func() { _ = client.SetWriteDeadline(time.Unix(1, 0)) }
		}
		out := NewOutput(client, opts)
		wantCode(t, "write past the deadline", out.BlockingWriteAndFlush(ctx, []byte("x")), errcode.Deadline)
		_ = server.Close()
		out.Drop(ctx)
		cancel()
		_ = client.Close()
	}
}

func TestDropStillWritesWhatWasTaken(t *testing.T) {
	ctx := testCtx(t)
	g := newGate()
	done := make(chan struct{})
	out := NewOutput(g, OutputOptions{Interrupt: func() {}, Close: func() { close(done) }})
	if err := out.Write(ctx, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	out.Drop(ctx)
	out.Drop(ctx)
	close(g.open)
	<-done
	if got := g.text(); got != "kept" {
		t.Errorf("written %q, want %q", got, "kept")
	}
}

func TestFinishComesAfterTheLastByte(t *testing.T) {
	ctx := testCtx(t)
	g := newGate()
	out := NewOutput(g, OutputOptions{})
	defer out.Drop(ctx)
	if err := out.Write(ctx, []byte("last")); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 2)
	Finish(out, func() { seen <- g.text() })
	wantClosed(t, "write after finish", out.Write(ctx, []byte("x")))
	close(g.open)
	if got := <-seen; got != "last" {
		t.Errorf("finished with %q written", got)
	}
	Finish(out, func() { seen <- "again" })
	if got := <-seen; got != "again" {
		t.Errorf("second finish gave %q", got)
	}
}

func TestSplice(t *testing.T) {
	ctx := testCtx(t)
	for name, opts := range map[string]OutputOptions{"prompt": {Prompt: true}, "background": {}} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			close(g.open)
			out := NewOutput(g, opts)
			defer out.Drop(ctx)
			src := Bytes([]byte("0123456789"))
			if n, err := out.Splice(ctx, src, 4); n != 4 || err != nil {
				t.Errorf("splice: %d, %v; want 4", n, err)
			}
			if n, err := out.BlockingSplice(ctx, src, 100); n != 6 || err != nil {
				t.Errorf("blocking-splice: %d, %v; want 6", n, err)
			}
			_, err := out.BlockingSplice(ctx, src, 1)
			wantClosed(t, "splice from an ended stream", err)
			if err := out.BlockingFlush(ctx); err != nil {
				t.Error(err)
			}
			if g.text() != "0123456789" {
				t.Errorf("spliced %q", g.text())
			}
		})
	}
	_, err := ClosedOutput().Splice(ctx, Bytes([]byte("x")), 1)
	wantClosed(t, "splice to a closed stream", err)
	_, err = ClosedOutput().BlockingSplice(ctx, Empty(), 1)
	wantClosed(t, "blocking-splice to a closed stream", err)
}

func TestDiscard(t *testing.T) {
	ctx := testCtx(t)
	out := Discard()
	defer out.Drop(ctx)
	var _ wasiio.OutputStream = out
	if err := out.BlockingWriteAndFlush(ctx, []byte("x")); err != nil {
		t.Error(err)
	}
}
