package wasihttp3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"latticework/internal/errcode"
)

// newReceived returns a body with what src gives, and how often it was done
// with.
func newReceived(src io.Reader, interrupt func(), trailer http.Header) (*received, *atomic.Int32) {
	b, done := &received{}, &atomic.Int32{}
	b.init(src, interrupt, func() http.Header { return trailer }, func() { done.Add(1) })
	return b, done
}

func TestReceivedToItsEnd(t *testing.T) {
	b, done := newReceived(strings.NewReader("all of it, in pieces"), func() {}, http.Header{"X-A": {"1"}})
	got, err := readAll(t.Context(), b)
	if err != nil || got != "all of it, in pieces" {
		t.Errorf("%q, %v", got, err)
	}
	if n, err := b.Read(t.Context(), make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	r, err := receivedTrailers{b}.Read(t.Context())
	if err != nil || r.IsErr || !r.Ok.Some {
		t.Fatalf("trailers %+v, %v", r, err)
	}
	if vs, _ := r.Ok.Value.Get(t.Context(), "x-a"); len(vs) != 1 || string(vs[0]) != "1" {
		t.Errorf("trailer x-a: %q", vs)
	}
	b.Close()
	receivedTrailers{b}.Close()
	if done.Load() != 1 {
		t.Errorf("done %d times", done.Load())
	}
}

// TestReceivedTrailersOfADroppedStream skips what is left, up to a limit.
func TestReceivedTrailersOfADroppedStream(t *testing.T) {
	for size, want := range map[int]bool{maxDrain / 2: true, maxDrain * 2: false} {
		b, _ := newReceived(strings.NewReader(strings.Repeat("x", size)), func() {}, http.Header{"X-A": {"1"}})
		if _, err := b.Read(t.Context(), make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		b.Close()
		if _, err := b.Read(t.Context(), make([]byte, 10)); !errors.Is(err, errcode.Closed) {
			t.Errorf("read after close: %v", err)
		}
		r, err := receivedTrailers{b}.Read(t.Context())
		if err != nil || r.IsErr == want || r.Ok.Some != want {
			t.Errorf("%d bytes: trailers %+v, %v", size, r, err)
		}
	}
}

// TestReceivedGivenUp is done with once neither part is wanted.
func TestReceivedGivenUp(t *testing.T) {
	b, done := newReceived(strings.NewReader("x"), func() {}, nil)
	b.Close()
	if done.Load() != 0 {
		t.Error("done while the trailers are wanted")
	}
	receivedTrailers{b}.Close()
	b.Close()
	if done.Load() != 1 {
		t.Errorf("done %d times", done.Load())
	}
	broken := errors.New("the line is cut")
	b, done = newReceived(io.MultiReader(strings.NewReader("x"), failing{broken}), func() {}, nil)
	if _, err := readAll(t.Context(), b); !errors.Is(err, broken) {
		t.Errorf("read %v, want %v", err, broken)
	}
	if r, err := (receivedTrailers{b}).Read(t.Context()); err != nil || !r.IsErr {
		t.Errorf("trailers of a broken body: %+v, %v", r, err)
	}
	if done.Load() != 1 {
		t.Errorf("done %d times", done.Load())
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestReceivedInterrupted ends a read that blocks: by a close, by the end of
// its context, and by shut, which waits for it.
func TestReceivedInterrupted(t *testing.T) {
	for name, end := range map[string]func(b *received, cancel func()){
		"close":   func(b *received, _ func()) { b.Close() },
		"context": func(_ *received, cancel func()) { cancel() },
		"shut":    func(b *received, _ func()) { b.shut() },
	} {
		pr, pw := io.Pipe()
		began := make(chan struct{})
		src := readerFunc(func(p []byte) (int, error) {
			close(began)
			return pr.Read(p)
		})
		b, _ := newReceived(src, func() { _ = pw.CloseWithError(errDropped) }, nil)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := b.Read(ctx, make([]byte, 1))
			failed <- err
		}()
		<-began
		go end(b, cancel)
		if err := <-failed; err == nil || err == io.EOF {
			t.Errorf("%s: the read answers %v", name, err)
		}
		b.shut()
		cancel()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, _ := newReceived(strings.NewReader("x"), func() {}, nil)
	if _, err := b.Read(ctx, make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("read under an ended context: %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
