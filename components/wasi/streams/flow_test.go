package streams

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"latticework/wit/abi"
)

// code is the error code of the tests: the error's text.
func code(err error) string { return err.Error() }

func outcomeOf(t *testing.T, o Outcome[string]) abi.Result[struct{}, string] {
	t.Helper()
	r, err := o.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readFlow(ctx context.Context, s abi.Stream[byte]) (string, error) {
	var all []byte
	b := make([]byte, 3)
	for {
		n, err := s.Read(ctx, b)
		all = append(all, b[:n]...)
		if err != nil {
			return string(all), err
		}
	}
}

func TestPull(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		r    io.Reader
		end  error
		want abi.Result[struct{}, string]
	}{
		{"to its end", strings.NewReader("some text"), io.EOF, abi.Result[struct{}, string]{}},
		{"to an error", io.MultiReader(strings.NewReader("some text"), errReader{broken}), broken, abi.Result[struct{}, string]{Err: "broken", IsErr: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			closed := 0
			s, o := Pull(c.r, FlowOptions{Close: func() { closed++ }}, code)
			text, err := readFlow(t.Context(), s)
			if text != "some text" || !errors.Is(err, c.end) {
				t.Errorf("read %q, %v", text, err)
			}
			s.Close()
			s.Close()
			if got := outcomeOf(t, o); got != c.want {
				t.Errorf("outcome %+v, want %+v", got, c.want)
			}
			if closed != 1 {
				t.Errorf("closed %d times, want once", closed)
			}
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// TestPullDroppedWhileReading closes a stream whose Read waits: it is let go
// of after that Read, and has ended well.
func TestPullDroppedWhileReading(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	released := make(chan struct{})
	s, o := Pull(r, FlowOptions{
		Interrupt: func() { r.CloseWithError(io.ErrClosedPipe) },
		Close:     func() { close(released) },
	}, code)
	var join sync.WaitGroup
	var err error
	join.Go(func() { _, err = s.Read(t.Context(), make([]byte, 1)) })
	s.Close()
	join.Wait()
	if err != io.EOF {
		t.Errorf("read answered %v, want the end", err)
	}
	if got := outcomeOf(t, o); got.IsErr {
		t.Errorf("outcome %+v, want success", got)
	}
	<-released
}

// TestPullInterrupted ends the context of a Read that waits.
func TestPullInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	s, o := Pull(r, FlowOptions{Interrupt: func() { r.CloseWithError(io.ErrClosedPipe) }}, code)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the guest is gone")
	var join sync.WaitGroup
	join.Go(func() { cancel(gone) })
	_, err := s.Read(ctx, make([]byte, 1))
	join.Wait()
	if !errors.Is(err, gone) {
		t.Errorf("read answered %v, want %v", err, gone)
	}
	s.Close()
	if got := outcomeOf(t, o); got.IsErr {
		t.Errorf("outcome %+v, want success", got)
	}
}

// pieces is a guest's stream.
type pieces struct {
	list   []string
	end    error
	closed bool
}

func (p *pieces) Read(_ context.Context, b []byte) (int, error) {
	if len(p.list) == 0 {
		return 0, p.end
	}
	n := copy(b, p.list[0])
	p.list = p.list[1:]
	return n, nil
}

func (p *pieces) Close() { p.closed = true }

// full is a writer that fails after some bytes.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errors.New("full")
	}
	return len(b), nil
}

func TestPush(t *testing.T) {
	for _, end := range []error{io.EOF, errors.New("the instance is gone")} {
		g := NewGroup()
		var buf bytes.Buffer
		p := &pieces{list: []string{"some", " ", "text"}, end: end}
		closed := 0
		o := Push(g, p, &buf, FlowOptions{Close: func() { closed++ }}, code)
		if got := outcomeOf(t, o); got.IsErr {
			t.Errorf("outcome %+v, want success", got)
		}
		g.Close()
		if buf.String() != "some text" || !p.closed || closed != 1 {
			t.Errorf("wrote %q, data closed %v, closed %d times", buf.String(), p.closed, closed)
		}
	}
}

func TestPushFails(t *testing.T) {
	g := NewGroup()
	p := &pieces{list: []string{"some", " ", "text"}, end: io.EOF}
	o := Push(g, p, &full{left: 5}, FlowOptions{}, code)
	if got := outcomeOf(t, o); got.Err != "full" {
		t.Errorf("outcome %+v, want full", got)
	}
	g.Close()
	if !p.closed {
		t.Error("the guest was not told that nobody reads")
	}
	late := &pieces{end: io.EOF}
	if got := outcomeOf(t, Push(g, late, io.Discard, FlowOptions{}, code)); !got.IsErr || !late.closed {
		t.Errorf("a closed group: outcome %+v, data closed %v", got, late.closed)
	}
}
