package httpserver_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	h2frames "golang.org/x/net/http2"

	"latticework/internal/poll"
	"latticework/providers"
	"latticework/providers/httpserver"
)

// held answers at /held once release is closed, elsewhere at once; entered
// tells of each request at /held.
func held(entered chan<- string, release <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			entered <- r.Proto
			<-release
		}
		_, _ = io.WriteString(w, "answer to "+r.URL.Path)
	}
}

// close closes the provider and returns what that will answer.
func (s *server) close() <-chan error {
	closed := make(chan error, 1)
	go func() { closed <- s.provider.Close(context.Background()) }() // ends with the requests in flight
	return closed
}

// notReady waits until the status path says that the provider drains.
func (s *server) notReady(url string) {
	s.t.Helper()
	poll.Until(s.t, 5*time.Second, "not ready", func() (any, bool) {
		resp, err := client(s.t, http1).Get(url)
		if err != nil {
			return err, false
		}
		defer resp.Body.Close()
		var totals httpserver.Counters
		err = json.NewDecoder(resp.Body).Decode(&totals)
		return resp.Status, err == nil && resp.StatusCode == 503 && resp.Close && !totals.Ready
	})
}

// refusesConnections reports whether nobody listens on an address.
func refusesConnections(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return err != nil
}

// TestStatusPath answers counters, and is not asked of a component.
func TestStatusPath(t *testing.T) {
	s := start(t, map[string]string{"status_path": "/healthz"}, nil)
	_, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/odd" {
			_, _ = io.CopyN(io.Discard, r.Body, 3)
			time.Sleep(20 * time.Millisecond)
			w.WriteHeader(999) // components may
		}
		_, _ = io.WriteString(w, "a")
	})
	fetch(t, client(t, http1), "POST", url+"/odd", "", strings.NewReader("four"))
	for name, protocols := range map[string]func(*http.Protocols){"http1": http1, "h2c": h2c} {
		if _, got := fetch(t, client(t, protocols), "GET", url+"/", "", nil); got != "a" {
			t.Errorf("%s: %q", name, got)
		}
	}
	status, text := fetch(t, client(t, h2c), "GET", url+"/healthz", "", nil)
	var totals httpserver.Counters
	if err := json.Unmarshal([]byte(text), &totals); err != nil || status != 200 || !totals.Ready || totals.RequestsTotal != 4 ||
		totals.ResponsesByStatus["2xx"] != 2 || totals.ResponsesByStatus["5xx"] != 1 || totals.ResponsesByStatus["none"] != 0 ||
		totals.RequestBytes != 3 || totals.ResponseBytes != 3 || totals.RequestSeconds < 0.02 || totals.RequestSeconds > 10 {
		t.Errorf("%d %s, %v", status, text, err)
	}
}

// TestDrainHTTP1: during drain_delay everything is answered and connections
// end with their answer; then there are no new connections, and what was
// accepted is finished.
func TestDrainHTTP1(t *testing.T) {
	const delay = 1500 * time.Millisecond
	s := start(t, map[string]string{"status_path": "/healthz", "drain_delay": delay.String()}, nil)
	entered, release := make(chan string, 1), make(chan struct{})
	session, url := s.mustServe("a", nil, held(entered, release))
	address := addr(t, session)
	kept, keptIn := dialRaw(t, address, "GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
	if resp, text := answer(t, keptIn, "GET"); resp.Close || text != "answer to /kept" {
		t.Fatalf("before: %q, closed: %t", text, resp.Close)
	}
	_, heldIn := dialRaw(t, address, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
	<-entered
	began := time.Now()
	closed := s.close()
	s.notReady(url + "/healthz")
	_, newIn := dialRaw(t, address, "GET /new HTTP/1.1\r\nHost: a\r\n\r\n")
	_, _ = io.WriteString(kept, "GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
	for path, in := range map[string]*bufio.Reader{"/new": newIn, "/again": keptIn} {
		if resp, text := answer(t, in, "GET"); resp.StatusCode != 200 || text != "answer to "+path || !resp.Close {
			t.Errorf("%s while draining: %d %q, closed: %t", path, resp.StatusCode, text, resp.Close)
		}
		if _, err := in.ReadByte(); err != io.EOF {
			t.Errorf("%s: the connection goes on, %v", path, err)
		}
	}
	poll.Until(t, 10*time.Second, "no new connections", func() (any, bool) { return nil, refusesConnections(address) })
	if took := time.Since(began); took < delay {
		t.Errorf("connections were refused after %s, before drain_delay", took)
	}
	select {
	case err := <-closed:
		t.Fatalf("closed with a request in flight: %v", err)
	default:
	}
	close(release)
	if resp, text := answer(t, heldIn, "GET"); resp.StatusCode != 200 || text != "answer to /held" || !resp.Close {
		t.Errorf("in flight: %d %q, closed: %t", resp.StatusCode, text, resp.Close)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*delay+5*time.Second {
		t.Errorf("closed after %s", took)
	}
}

// goAway returns the GOAWAY of a connection; what else comes before it is
// passed over.
func (f *framer) goAway() *h2frames.GoAwayFrame {
	f.t.Helper()
	return f.next(func(frame h2frames.Frame) bool { _, ok := frame.(*h2frames.GoAwayFrame); return ok }).(*h2frames.GoAwayFrame)
}

// TestDrainHTTP2: connections are told to go, those without a request too;
// streams in flight are finished, and later ones are left for another
// connection.
func TestDrainHTTP2(t *testing.T) {
	_, _, cert, key := certificate(t, "one.example", nil)
	for name, config := range map[string]map[string]string{"h2c": {}, "TLS": {"tls_cert": cert, "tls_key": key}} {
		t.Run(name, func(t *testing.T) { drainHTTP2(t, config) })
	}
}

func drainHTTP2(t *testing.T, config map[string]string) {
	s := start(t, config, nil)
	entered, release := make(chan string, 2), make(chan struct{})
	session, _ := s.mustServe("a", nil, held(entered, release))
	connect := func() *framer {
		if config["tls_cert"] == "" {
			return newFramer(t, addr(t, session))
		}
		conn, err := tls.Dial("tcp", addr(t, session), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		return framerOn(t, conn)
	}
	idle, busy := make([]*framer, 10), connect()
	for i := range idle {
		idle[i] = connect()
		idle[i].request(1, "GET", "/before")
		if status := idle[i].status(1); status != "200" {
			t.Fatalf("before: %s", status)
		}
	}
	busy.request(1, "GET", "/held")
	<-entered
	closed := s.close()
	for i, f := range append(idle, busy) {
		if away := f.goAway(); away.ErrCode != h2frames.ErrCodeNo || away.LastStreamID < 1 {
			t.Errorf("connection %d: GOAWAY %s after stream %d", i, away.ErrCode, away.LastStreamID)
		}
	}
	for i, f := range idle {
		if frame, err := f.ReadFrame(); err != io.EOF {
			t.Errorf("connection %d: %v, %v after GOAWAY, want the end", i, frame, err)
		}
	}
	busy.request(3, "GET", "/held")
	close(release)
	var text []byte
	busy.next(func(frame h2frames.Frame) bool {
		if frame.Header().StreamID == 3 {
			t.Errorf("the stream after GOAWAY got %v", frame)
		}
		data, ok := frame.(*h2frames.DataFrame)
		if ok {
			text = append(text, data.Data()...)
		}
		return ok && data.StreamEnded()
	})
	if string(text) != "answer to /held" {
		t.Errorf("in flight: %q", text)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if len(entered) > 0 {
		t.Error("the stream after GOAWAY reached the component")
	}
}

// TestDrainDelayHTTP2: while draining, new connections are answered, and told
// to go with their first answer.
func TestDrainDelayHTTP2(t *testing.T) {
	s := start(t, map[string]string{"status_path": "/healthz", "drain_delay": "2s"}, nil)
	session, url := s.mustServe("a", nil, says("a"))
	closed := s.close()
	s.notReady(url + "/healthz")
	for path, want := range map[string]string{"/x": "200", "/healthz": "503"} {
		f := newFramer(t, addr(t, session))
		f.request(1, "GET", path)
		status, away := "", false
		f.next(func(frame h2frames.Frame) bool {
			switch frame := frame.(type) {
			case *h2frames.MetaHeadersFrame:
				status = frame.PseudoValue("status")
			case *h2frames.GoAwayFrame:
				away = frame.ErrCode == h2frames.ErrCodeNo
			}
			return status != "" && away
		})
		if status != want {
			t.Errorf("%s while draining: %s, want %s", path, status, want)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestDrainDelayLeavesTime: a drain_delay longer than the time that there is
// leaves half of it for what was accepted.
func TestDrainDelayLeavesTime(t *testing.T) {
	s := start(t, map[string]string{"drain_delay": "10m"}, nil)
	entered, release := make(chan string, 1), make(chan struct{})
	session, _ := s.mustServe("a", nil, held(entered, release))
	address := addr(t, session)
	_, in := dialRaw(t, address, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	began, closed := time.Now(), make(chan error, 1)
	go func() { closed <- s.provider.Close(ctx) }() // ends with the request, or with ctx
	poll.Until(t, 4*time.Second, "no new connections", func() (any, bool) { return nil, refusesConnections(address) })
	if took := time.Since(began); took < time.Second || ctx.Err() != nil {
		t.Errorf("connections are refused after %s", took)
	}
	close(release)
	resp, text := answer(t, in, "GET")
	if err := <-closed; err != nil || resp.StatusCode != 200 || text != "answer to /held" {
		t.Errorf("closed after %s: %v, the request: %d %q", time.Since(began), err, resp.StatusCode, text)
	}
}

// TestDrainOnce: a provider that is drained and then closed waits its
// drain_delay once.
func TestDrainOnce(t *testing.T) {
	const delay = 600 * time.Millisecond
	p, err := httpserver.New(providers.Setup{Name: "web", Config: map[string]string{"address": "127.0.0.1:0", "drain_delay": delay.String()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := p.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	drained := time.Since(began)
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); drained < delay || took > drained+delay/2 {
		t.Errorf("drained in %s, closed after %s", drained, took)
	}
}
