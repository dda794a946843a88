package httpserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	h2frames "golang.org/x/net/http2"

	"latticework/internal/poll"
)

// await waits until a counter has a value.
func (s *server) await(reason string, want int64) {
	s.t.Helper()
	poll.Until(s.t, 10*time.Second, fmt.Sprintf("%d refusals of %s", want, reason), func() (any, bool) {
		n := s.refused(reason)
		return n, n == want
	})
}

// TestTooManyFields counts the fields of a request, in both protocols.
func TestTooManyFields(t *testing.T) {
	s := start(t, map[string]string{"max_headers": "20"}, nil)
	_, url := s.mustServe("a", nil, says("a"))
	many := http.Header{}
	for i := range 20 {
		many["X-Many"] = append(many["X-Many"], fmt.Sprint(i))
	}
	for name, protocols := range map[string]func(*http.Protocols){"http1": http1, "h2c": h2c} {
		c := client(t, protocols)
		for n, want := range map[int]int{19: 200, 20: 431} { // and User-Agent; those that we add do not count
			if resp := do(t, c, "GET", url, http.Header{"X-Many": many["X-Many"][:n]}); resp.StatusCode != want {
				t.Errorf("%s: %d fields: %d, want %d", name, n+1, resp.StatusCode, want)
			}
		}
	}
	s.await("headers", 2)
}

func TestResponseLimit(t *testing.T) {
	s := start(t, nil, nil)
	errs := make(chan error, 10)
	_, url := s.mustServe("a", map[string]string{"max_response_bytes": "1KiB"}, func(w http.ResponseWriter, r *http.Request) {
		text := strings.Repeat("x", 1025)
		if r.URL.Path == "/announced" {
			w.Header().Set("Content-Length", "1025")
			w.Header().Set("X-Secret", "of the answer that is not sent")
		}
		if r.URL.Path == "/fits" {
			text = text[:1024]
		}
		_, err := io.WriteString(w, text[:1000])
		if err == nil {
			_ = http.NewResponseController(w).Flush() // else clients ask again
			_, err = io.WriteString(w, text[1000:])
		}
		errs <- err
	})
	for name, protocols := range map[string]func(*http.Protocols){"http1": http1, "h2c": h2c} {
		c := client(t, protocols)
		if status, text := fetch(t, c, "GET", url+"/fits", "", nil); status != 200 || len(text) != 1024 || <-errs != nil {
			t.Errorf("%s: at the limit: %d, %d bytes", name, status, len(text))
		}
		resp, err := c.Get(url + "/announced")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err := <-errs; resp.StatusCode != 502 || resp.Header.Get("X-Secret") != "" || !strings.Contains(string(text), "at least 1025 bytes > 1024") || err == nil {
			t.Errorf("%s: announced: %d %q %v, the component saw %v", name, resp.StatusCode, text, resp.Header, err)
		}
		if resp, err = c.Get(url + "/unannounced"); err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: not announced: the client took a cut answer for a whole one", name)
		}
		if err := <-errs; err == nil {
			t.Errorf("%s: not announced: the component was not told", name)
		}
	}
	s.await("response_body", 4)
}

// TestRequestTimeoutIsAnswered: a component that is too slow is answered for.
func TestRequestTimeoutIsAnswered(t *testing.T) {
	s := start(t, nil, nil)
	_, url := s.mustServe("a", map[string]string{"request_timeout": "50ms"}, slowly)
	for _, protocols := range []func(*http.Protocols){http1, h2c} {
		if status, text := fetch(t, client(t, protocols), "GET", url, "", nil); status != 504 || !strings.Contains(text, "deadline") || !strings.Contains(text, "50ms") {
			t.Errorf("%d %q, want 504", status, text)
		}
	}
	s.await("request_timeout", 2)
}

// TestSlowHeaderIsAnswered: who begins a request and does not finish its
// header is told so.
func TestSlowHeaderIsAnswered(t *testing.T) {
	s := start(t, map[string]string{"read_header_timeout": "150ms"}, nil)
	session, _ := s.mustServe("a", nil, says("a"))
	_, r := dialRaw(t, addr(t, session), "GET / HTTP/1.1\r\nHost: a\r\nX-Sl")
	resp, text := answer(t, r, "GET")
	if resp.StatusCode != 408 || !strings.Contains(text, "read_header_timeout") || !resp.Close {
		t.Errorf("%d %q, want 408 and the end", resp.StatusCode, text)
	}
	s.await("header_timeout", 1)
}

// TestSlowBody: the component's read ends after read_body_timeout without a
// byte; one that gets its bytes in time may take longer in all.
func TestSlowBody(t *testing.T) {
	s := start(t, nil, nil)
	errs := make(chan error, 1)
	session, _ := s.mustServe("a", map[string]string{"read_body_timeout": "300ms"}, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		errs <- err
		if err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
		fmt.Fprint(w, n)
	})
	conn, r := dialRaw(t, addr(t, session), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n12345")
	resp, text := answer(t, r, "POST")
	if err := <-errs; resp.StatusCode != 408 || text != "5" || !errors.Is(err, os.ErrDeadlineExceeded) || !resp.Close {
		t.Errorf("%d %q after %v, want 408 and the end", resp.StatusCode, text, err)
	}
	_ = conn.Close()
	s.await("body_timeout", 1)
	conn, r = dialRaw(t, addr(t, session), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
	tick := time.NewTicker(60 * time.Millisecond)
	defer tick.Stop()
	for range 10 {
		<-tick.C
		if _, err := io.WriteString(conn, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if resp, text := answer(t, r, "POST"); resp.StatusCode != 200 || text != "10" || <-errs != nil {
		t.Errorf("a byte in time each: %d %q", resp.StatusCode, text)
	}
	// Nothing of the body's deadline is left for the next request.
	for range 8 {
		<-tick.C
	}
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
	if resp, text := answer(t, r, "POST"); resp.StatusCode != 200 || text != "1" {
		t.Errorf("the next request: %d %q", resp.StatusCode, text)
	}
}

// TestUnreadBody: a component that never reads the body is answered for at
// once, whatever the client goes on to send, and no connection stays behind.
func TestUnreadBody(t *testing.T) {
	s := start(t, nil, nil)
	session, url := s.mustServe("a", nil, says("a"))
	for name, request := range map[string]string{
		"a length":      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome",
		"chunks":        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"asks first":    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n",
		"sends it all":  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 1_000_000),
		"small and all": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
	} {
		start := time.Now()
		_, r := dialRaw(t, addr(t, session), request)
		resp, text := answer(t, r, "POST")
		if took := time.Since(start); resp.StatusCode != 200 || text != "a" || took > 5*time.Second {
			t.Errorf("%s: %d %q after %s", name, resp.StatusCode, text, took)
		}
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("%s: %d bytes follow the answer, %v", name, len(rest), err)
		}
	}
	// One that has arrived is skipped, and the connection used again.
	conn, r := dialRaw(t, addr(t, session), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	for range 2 {
		if resp, text := answer(t, r, "POST"); resp.StatusCode != 200 || text != "a" || resp.Close {
			t.Errorf("%d %q, closed: %t", resp.StatusCode, text, resp.Close)
		}
	}
	_ = conn.Close()
	body, feed := io.Pipe()
	defer feed.Close()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", url, body)
	resp, err := client(t, h2c).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("over HTTP/2: %d", resp.StatusCode)
	}
	poll.Until(t, 10*time.Second, "all but the client of HTTP/2 to be gone", func() (any, bool) {
		n := s.counters().ConnectionsOpen
		return n, n <= 1
	})
}

// writer answers without end, and says how it ended and how far it came.
func writer(done chan<- error, written *int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 64<<10)
		for {
			n, err := w.Write(b)
			*written += int64(n)
			if err != nil {
				done <- err
				return
			}
		}
	}
}

// TestSlowReader: an answer that the client does not read ends after
// write_timeout, and is never kept in memory.
func TestSlowReader(t *testing.T) {
	for _, proto := range []string{"http1", "h2c"} {
		t.Run(proto, func(t *testing.T) {
			s := start(t, map[string]string{"write_timeout": "300ms"}, nil)
			done, written := make(chan error, 1), int64(0)
			session, _ := s.mustServe("a", nil, writer(done, &written))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if proto == "http1" {
				dialRaw(t, addr(t, session), "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			} else {
				f := newFramer(t, addr(t, session))
				f.request(1, "GET", "/")
			}
			if err := <-done; err == nil {
				t.Error("the component was not told")
			}
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
				t.Errorf("%d bytes of memory for a client that does not read", grown)
			}
			if proto == "http1" {
				s.await("write_timeout", 1)
			}
		})
	}
}

// TestSlowButSteadyReader: a client that goes on reading gets all, however
// long it takes.
func TestSlowButSteadyReader(t *testing.T) {
	timeout := poll.Patience(300 * time.Millisecond)
	s := start(t, map[string]string{"write_timeout": timeout.String()}, nil)
	const size = 6 << 20
	session, _ := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = w.Write(make([]byte, size)) // one write, longer than its deadline
	})
	conn, r := dialRaw(t, addr(t, session), "")
	_ = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	tick := time.NewTicker(timeout / 6)
	defer tick.Stop()
	total, start := int64(0), time.Now()
	for total < size {
		<-tick.C
		n, err := io.CopyN(io.Discard, resp.Body, min(400<<10, size-total))
		if total += n; err != nil {
			t.Fatalf("after %d bytes and %s: %v", total, time.Since(start), err)
		}
	}
	if took := time.Since(start); took < 2*timeout {
		t.Errorf("the client was done after %s: too fast to tell", took)
	}
}

// TestStreams: HTTP/2 streams beyond max_streams are refused.
func TestStreams(t *testing.T) {
	s := start(t, map[string]string{"max_streams": "2"}, nil)
	session, _ := s.mustServe("a", nil, slowly)
	f := newFramer(t, addr(t, session))
	settings := f.next(func(frame h2frames.Frame) bool {
		s, ok := frame.(*h2frames.SettingsFrame)
		return ok && !s.IsAck()
	}).(*h2frames.SettingsFrame)
	if n, ok := settings.Value(h2frames.SettingMaxConcurrentStreams); !ok || n != 2 {
		t.Errorf("the server announces %d streams (%t), want 2", n, ok)
	}
	f.next(func(frame h2frames.Frame) bool { // our settings are known: from here on the limit holds
		s, ok := frame.(*h2frames.SettingsFrame)
		return ok && s.IsAck()
	})
	for _, id := range []uint32{1, 3, 5} {
		f.request(id, "GET", "/")
	}
	reset := f.next(func(frame h2frames.Frame) bool { _, ok := frame.(*h2frames.RSTStreamFrame); return ok }).(*h2frames.RSTStreamFrame)
	if reset.StreamID != 5 || reset.ErrCode != h2frames.ErrCodeProtocol && reset.ErrCode != h2frames.ErrCodeRefusedStream {
		t.Errorf("stream %d was reset with %s, want 5", reset.StreamID, reset.ErrCode)
	}
	_ = f.conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.provider.Close(ctx); err != nil {
		t.Error(err)
	}
}
