package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/providers"
)

func TestBodyLimit(t *testing.T) {
	s := start(t, nil, nil)
	seen := make(chan error, 10)
	_, url := s.mustServe("a", map[string]string{"max_body_bytes": "1KiB"}, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		seen <- err
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
		fmt.Fprint(w, n)
	})
	c := client(t, http1)
	fits, over := strings.Repeat("x", 1024), strings.Repeat("x", 1025)
	if status, n := fetch(t, c, "POST", url, "", strings.NewReader(fits)); status != 200 || n != "1024" || <-seen != nil {
		t.Errorf("at the limit: %d, %s bytes", status, n)
	}
	if status, text := fetch(t, c, "POST", url, "", strings.NewReader(over)); status != 413 || !strings.Contains(text, "1025 bytes > 1024") {
		t.Errorf("announced: %d %q, want 413", status, text)
	}
	if len(seen) != 0 {
		t.Error("announced: the component was called")
	}
	// Without a length the component gets what is allowed and then an error.
	status, _ := fetch(t, c, "POST", url, "", io.MultiReader(strings.NewReader(over)))
	var tooLarge *http.MaxBytesError
	if err := <-seen; status != 413 || !errors.As(err, &tooLarge) {
		t.Errorf("not announced: %d, the component read %v", status, err)
	}
}

func TestHeaderLimit(t *testing.T) {
	s := start(t, map[string]string{"max_header_bytes": "2KiB"}, nil)
	_, url := s.mustServe("a", nil, says("a"))
	for name, protocols := range map[string]func(*http.Protocols){"http1": http1, "h2c": h2c} {
		for size, want := range map[int]int{1 << 10: 200, 2040: 431, 16 << 10: 431} {
			if name == "h2c" && size > 2<<10 {
				continue // the client knows the limit and does not send
			}
			if resp := do(t, client(t, protocols), "GET", url, http.Header{"X-Long": {strings.Repeat("x", size)}}); resp.StatusCode != want {
				t.Errorf("%s, a field of %d bytes: %d, want %d", name, size, resp.StatusCode, want)
			}
		}
	}
	s.await("headers", 2) // net/http refuses what is far above, as malformed
}

func TestInFlightLimit(t *testing.T) {
	s := start(t, map[string]string{"max_in_flight": "2"}, nil)
	hold, entered := make(chan struct{}), make(chan struct{}, 10)
	_, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-hold
	})
	var g errgroup.Group
	for range 2 {
		c := client(t, http1)
		g.Go(func() error {
			resp, err := c.Get(url)
			if err == nil {
				resp.Body.Close()
			}
			return err
		})
		<-entered
	}
	start := time.Now()
	resp, err := client(t, http1).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "3 requests in flight > 2") {
		t.Errorf("the third: %d %q", resp.StatusCode, text)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the refusal took %s", took)
	}
	close(hold)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if status, _ := fetch(t, client(t, http1), "GET", url, "", nil); status != 200 {
		t.Errorf("afterwards: %d, want 200", status)
	}
}

// TestSilentConnections: one that never sends its header is closed, and one
// that is idle between two requests.
func TestSilentConnections(t *testing.T) {
	s := start(t, map[string]string{"read_header_timeout": "200ms", "idle_timeout": "200ms"}, nil)
	session, _ := s.mustServe("a", nil, says("a"))
	for name, send := range map[string]string{"nothing": "", "half a header": "GET / HTTP/1.1\r\nHost: x\r\nX-A", "a whole request": "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} {
		conn, err := net.Dial("tcp", addr(t, session))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, send)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		start := time.Now()
		_, err = io.Copy(io.Discard, bufio.NewReader(conn))
		var timeout net.Error
		if took := time.Since(start); errors.As(err, &timeout) && timeout.Timeout() || took > 5*time.Second {
			t.Errorf("%s: still open after %s (%v)", name, took, err)
		}
	}
}

func TestConnectionLimit(t *testing.T) {
	s := start(t, map[string]string{"max_connections": "2"}, nil)
	session, url := s.mustServe("a", nil, says("a"))
	var held []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", addr(t, session))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		held = append(held, conn)
	}
	short := client(t, http1)
	short.Timeout = 300 * time.Millisecond
	if resp, err := short.Get(url); err == nil {
		resp.Body.Close()
		t.Error("a third connection was served")
	}
	held[0].Close()
	poll.Until(t, 10*time.Second, "the third to be served", func() (any, bool) {
		resp, err := client(t, http1).Get(url)
		if err == nil {
			resp.Body.Close()
		}
		return err, err == nil
	})
}

func TestRequestTimeoutAndClientGone(t *testing.T) {
	s := start(t, nil, nil)
	cause := make(chan error, 1)
	_, url := s.mustServe("a", map[string]string{"request_timeout": "100ms"}, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	})
	fetch(t, client(t, http1), "GET", url, "", nil)
	if err := <-cause; errcode.Of(err) != errcode.Deadline || !strings.Contains(err.Error(), "100ms") {
		t.Errorf("cause %v, want the deadline", err)
	}
	_, url = s.mustServe("b", map[string]string{"path": "/b"}, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", url+"/b", nil)
	if _, err := client(t, http1).Do(r); err == nil {
		t.Error("the client did not give up")
	}
	if err := <-cause; !errors.Is(err, context.Canceled) {
		t.Errorf("cause %v, want canceled", err)
	}
}

// TestDrain: what was accepted is answered, and nothing new is taken.
func TestDrain(t *testing.T) {
	s := start(t, nil, nil)
	hold, entered := make(chan struct{}), make(chan struct{}, 1)
	session, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-hold
		fmt.Fprint(w, "finished")
	})
	host := addr(t, session)
	var g errgroup.Group
	c := client(t, http1)
	g.Go(func() error {
		resp, err := c.Get(url)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "finished" {
			return fmt.Errorf("%d %q, %w", resp.StatusCode, b, err)
		}
		return nil
	})
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- s.provider.Close(t.Context()) }()
	poll.Until(t, 10*time.Second, "connections to be refused", func() (any, bool) {
		conn, err := net.Dial("tcp", host)
		if err == nil {
			conn.Close()
		}
		return err, err != nil
	})
	select {
	case err := <-closed:
		t.Fatalf("closed with a request in flight: %v", err)
	default:
	}
	close(hold)
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if err := g.Wait(); err != nil {
		t.Errorf("the request in flight: %v", err)
	}
	_, err := s.serve("b", nil, says(""))
	wantCode(t, err, errcode.Closed)
}

// TestDrainIsBounded: when the time is up, what is left is cut off and said.
func TestDrainIsBounded(t *testing.T) {
	s := start(t, nil, nil)
	entered, cause := make(chan struct{}, 1), make(chan error, 1)
	_, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	})
	c := client(t, http1)
	answered := make(chan error, 1)
	go func() { _, err := c.Get(url); answered <- err }()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	wantCode(t, s.provider.Close(ctx), errcode.Deadline, "1 requests were cut off")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("close took %s", took)
	}
	if err := <-answered; err == nil {
		t.Error("the request that was cut off got an answer")
	}
	<-cause
}

// TestSessionClose: other links go on, requests in flight end in order, and
// when the time is up they learn it.
func TestSessionClose(t *testing.T) {
	s := start(t, nil, nil)
	entered, cause := make(chan struct{}, 1), make(chan error, 1)
	session, url := s.mustServe("a", map[string]string{"path": "/a"}, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	})
	s.mustServe("b", nil, says("b"))
	answered := make(chan error, 1)
	c := client(t, http1)
	go func() {
		resp, err := c.Get(url + "/a")
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := session.Close(ctx)
	wantCode(t, err, errcode.Deadline, "1 requests were cut off")
	if err := <-cause; errcode.Of(err) != errcode.Closed {
		t.Errorf("cause %v, want closed", err)
	}
	<-answered
	if err := session.Close(t.Context()); errcode.Of(err) != errcode.Deadline {
		t.Errorf("close again: %v, want the first answer", err)
	}
	if _, got := fetch(t, client(t, http1), "GET", url+"/a", "", nil); got != "b" {
		t.Errorf("the other link: %q", got)
	}
}

// TestSwapUnderLoad: while clients ask without pause, the link is served by
// one revision after another. Every request is answered, by the revision that
// was the newest when it was sent or one after it.
func TestSwapUnderLoad(t *testing.T) {
	const swaps = 200
	for name, protocols := range map[string]func(*http.Protocols){"http1": http1, "h2c": h2c} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil, nil)
			session, url := s.mustServe("a", nil, says("1"))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var g errgroup.Group
			for range 4 {
				c := client(t, protocols)
				g.Go(func() error { return ask(ctx, c, url) })
			}
			for i := range swaps {
				next, _ := s.mustServe("a", nil, says(fmt.Sprint(i+2)))
				if err := session.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				session = next
			}
			cancel()
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			_, err := s.provider.Serve(t.Context(), providers.Link{Source: "web", Target: "a", Revision: 1}, says("old"))
			wantCode(t, err, errcode.Conflict, "revision 201 is served already")
		})
	}
}

// ask asks until ctx ends; answers must not fail and not go back.
func ask(ctx context.Context, c *http.Client, url string) error {
	last := 0
	for ctx.Err() == nil {
		resp, err := c.Get(url)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		var now int
		if _, e := fmt.Sscan(string(b), &now); err != nil || e != nil || resp.StatusCode != 200 || now < last {
			return fmt.Errorf("%d %q after %d: %w", resp.StatusCode, b, last, errors.Join(err, e))
		}
		last = now
	}
	return nil
}
