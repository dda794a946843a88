package streams

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/errcode"
)

// inputs are the same ten bytes through every kind of input stream.
func inputs() map[string]func() wasiio.InputStream {
	const text = "0123456789"
	return map[string]func() wasiio.InputStream{
		"bytes":  func() wasiio.InputStream { return Bytes([]byte(text)) },
		"prompt": func() wasiio.InputStream { return NewInput(strings.NewReader(text), InputOptions{Prompt: true}) },
		"prompt with late EOF": func() wasiio.InputStream {
			return NewInput(iotest.DataErrReader(strings.NewReader(text)), InputOptions{Prompt: true})
		},
		"background": func() wasiio.InputStream { return NewInput(strings.NewReader(text), InputOptions{}) },
		"interruptible": func() wasiio.InputStream {
			return NewInput(strings.NewReader(text), InputOptions{Interrupt: func() {}})
		},
		"shared": func() wasiio.InputStream {
			return NewSharedInput(NewInput(strings.NewReader(text), InputOptions{})).Stream()
		},
	}
}

func TestInputGivesAllThenCloses(t *testing.T) {
	for name, open := range inputs() {
		t.Run(name, func(t *testing.T) {
			ctx := testCtx(t)
			in := open()
			defer in.Drop(ctx)
			b, err := in.BlockingRead(ctx, 0)
			wantBytes(t, "read of 0", b, err, "")
			b, err = in.BlockingRead(ctx, 4)
			wantBytes(t, "first read", b, err, "0123")
			if n, err := in.BlockingSkip(ctx, 3); n != 3 || err != nil {
				t.Errorf("skip: %d, %v; want 3", n, err)
			}
			b, err = in.BlockingRead(ctx, 1<<60)
			wantBytes(t, "last read", b, err, "789")
			for range 3 {
				_, err = in.BlockingRead(ctx, 1)
				wantClosed(t, "read after the end", err)
			}
			_, err = in.Read(ctx, 0)
			wantClosed(t, "read of 0 after the end", err)
			_, err = in.Skip(ctx, 1)
			wantClosed(t, "skip after the end", err)
		})
	}
}

func TestInputPollAndRead(t *testing.T) {
	for name, open := range inputs() {
		t.Run(name, func(t *testing.T) {
			ctx := testCtx(t)
			in := open()
			defer in.Drop(ctx)
			p, err := in.Subscribe(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Drop(ctx)
			var got []byte
			for {
				if err := p.Block(ctx); err != nil {
					t.Fatal(err)
				}
				b, err := in.Read(ctx, 3)
				if err != nil {
					wantClosed(t, "read", err)
					break
				}
				if len(b) == 0 {
					t.Fatal("ready, but nothing to read")
				}
				got = append(got, b...)
			}
			if string(got) != "0123456789" {
				t.Errorf("read %q", got)
			}
			if ready, _ := p.Ready(ctx); !ready {
				t.Error("an ended stream is not ready")
			}
		})
	}
}

func TestInputNeverBlocksInRead(t *testing.T) {
	ctx := testCtx(t)
	r, w := io.Pipe()
	in := NewInput(r, InputOptions{Interrupt: func() { _ = r.Close() }})
	p, _ := in.Subscribe(ctx)
	for range 3 {
		b, err := in.Read(ctx, 10)
		wantBytes(t, "read without data", b, err, "")
		if ready, _ := p.Ready(ctx); ready {
			t.Fatal("ready without data")
		}
	}
	if _, err := w.Write([]byte("late")); err != nil {
		t.Fatal(err)
	}
	if err := p.Block(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := in.Read(ctx, 10)
	wantBytes(t, "read with data", b, err, "late")
	in.Drop(ctx)
	in.Drop(ctx)
	if ready, _ := p.Ready(ctx); !ready {
		t.Error("the pollable of a dropped stream is not ready")
	}
	_, err = in.Read(ctx, 1)
	wantClosed(t, "read after drop", err)
}

func TestInputReportsFailureOnce(t *testing.T) {
	broken := func() io.Reader {
		return io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(&os.PathError{Op: "read", Path: "/secret", Err: errors.New("broken")}))
	}
	for name, opts := range map[string]InputOptions{"prompt": {Prompt: true}, "background": {}} {
		t.Run(name, func(t *testing.T) {
			ctx := testCtx(t)
			in := NewInput(broken(), opts)
			defer in.Drop(ctx)
			b, err := in.BlockingRead(ctx, 10)
			wantBytes(t, "read", b, err, "ab")
			_, err = in.BlockingRead(ctx, 10)
			wantFailed(t, "read of what is broken", err, "broken")
			_, err = in.BlockingRead(ctx, 10)
			wantClosed(t, "read after the failure", err)
		})
	}
}

// idle gives neither bytes nor an error.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestInputGivesUpOnReaderWithoutProgress(t *testing.T) {
	for name, opts := range map[string]InputOptions{"prompt": {Prompt: true}, "background": {}} {
		t.Run(name, func(t *testing.T) {
			ctx := testCtx(t)
			in := NewInput(idle{}, opts)
			defer in.Drop(ctx)
			_, err := in.BlockingRead(ctx, 1)
			wantFailed(t, "read", err, io.ErrNoProgress.Error())
		})
	}
}

func TestBlockingReadEndsWithContext(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	for name, opts := range map[string]InputOptions{
		"interruptible": {Interrupt: func() { _ = client.SetReadDeadline(time.Unix(1, 0)) }},
		"not":           {},
	} {
		t.Run(name, func(t *testing.T) {
			if err := client.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(testCtx(t), 20*time.Millisecond)
			defer cancel()
			in := NewInput(client, opts)
			defer in.Drop(ctx)
			_, err := in.BlockingRead(ctx, 1)
			wantCode(t, "read past the deadline", err, errcode.Deadline)
		})
	}
}

func TestDropInterruptsAndJoinsTheRead(t *testing.T) {
	ctx := testCtx(t)
	client, server := net.Pipe()
	defer server.Close()
	closed := 0
	in := NewInput(client, InputOptions{
		Interrupt: func() { _ = client.SetReadDeadline(time.Unix(1, 0)) },
		Close:     func() { closed++; _ = client.Close() },
	})
	if b, err := in.Read(ctx, 1); len(b) != 0 || err != nil {
		t.Fatalf("read: %q, %v", b, err)
	}
	in.Drop(ctx)
	if closed != 1 {
		t.Errorf("closed %d times, want 1", closed)
	}
}

func TestDropWithoutInterruptClosesWhenTheReadEnds(t *testing.T) {
	ctx := testCtx(t)
	r, w := io.Pipe()
	done := make(chan struct{})
	in := NewInput(r, InputOptions{Close: func() { close(done) }})
	if _, err := in.Read(ctx, 1); err != nil {
		t.Fatal(err)
	}
	in.Drop(ctx)
	select {
	case <-done:
		t.Fatal("closed while the read was running")
	default:
	}
	_ = w.Close()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("not closed after the read had ended")
	}
}

func TestSharedInputGivesEachByteOnce(t *testing.T) {
	ctx := testCtx(t)
	const size = 1 << 20
	shared := NewSharedInput(NewInput(io.LimitReader(zeroReader{}, size), InputOptions{}))
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 4 {
		wg.Go(func() {
			in := shared.Stream()
			defer in.Drop(ctx)
			for {
				b, err := in.BlockingRead(ctx, 1000)
				if err != nil {
					wantClosed(t, "read", err)
					return
				}
				mu.Lock()
				total += len(b)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if total != size {
		t.Errorf("read %d bytes in all, want %d", total, size)
	}
}

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) { clear(b); return len(b), nil }
