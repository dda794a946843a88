package httpserver_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"latticework/providers/httpserver"
)

// slowly answers when its time is over.
func slowly(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// do sends a request without body and returns the answer, whose body is read.
func do(t *testing.T, c *http.Client, method, url string, header http.Header) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp
}

// dialRaw sends bytes to an address and returns the connection.
func dialRaw(t *testing.T, address, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// answer reads one response and its body.
func answer(t *testing.T, r *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("read response: %v", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read response: %v", err)
	}
	return resp, string(b)
}

// counters returns the totals of the provider's only address.
func (s *server) counters() httpserver.Counters {
	s.t.Helper()
	all := s.own.Counters()
	if len(all) != 1 {
		s.t.Fatalf("%d addresses, want one", len(all))
	}
	return all[0]
}

func (s *server) refused(reason string) int64 {
	n, ok := s.counters().Refused[reason]
	if !ok {
		s.t.Fatalf("no counter %q", reason)
	}
	return n
}
