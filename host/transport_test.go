package host

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latticework/internal/httpout"
	"latticework/internal/poll"
)

// send makes a request of a transport that serve answers.
func send(t *testing.T, ctx context.Context, body io.Reader, serve http.HandlerFunc) (*http.Response, error) {
	t.Helper()
	h := &Host{cfg: Config{Log: slog.New(slog.DiscardHandler)}}
	t.Cleanup(h.group.Wait)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://peer:8443/a?b=c", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "")
	r.Header.Set("X", "1")
	return (&transport{host: h, serve: serve}).RoundTrip(r)
}

func TestTransport(t *testing.T) {
	resp, err := send(t, t.Context(), strings.NewReader("in"), func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "in" || r.RequestURI != "/a?b=c" || r.Host != "peer:8443" || r.TLS == nil || r.Header.Get("X") != "1" {
			t.Errorf("served %q, %v: %s at %s, %v", body, err, r.RequestURI, r.Host, r.Header)
		}
		if _, ok := r.Header["User-Agent"]; ok {
			t.Error("a field that keeps net/http from making one is seen")
		}
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Y", "2")
		w.Header()["Content-Type"] = nil
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("Late", "3")
		_, _ = io.WriteString(w, "out")
		w.Header().Set(http.TrailerPrefix+"Sum", "7")
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "out" || resp.StatusCode != http.StatusTeapot || resp.Header.Get("Y") != "2" || len(resp.Header) != 1 || resp.Trailer.Get("Sum") != "7" {
		t.Errorf("response %d %v %q %v, %v", resp.StatusCode, resp.Header, body, resp.Trailer, err)
	}
}

func TestTransportAborts(t *testing.T) {
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	if _, err := send(t, t.Context(), http.NoBody, abort); httpout.Classify(err).Reason != httpout.ConnectionTerminated {
		t.Errorf("aborted before its head: %v", err)
	}
	resp, err := send(t, t.Context(), http.NoBody, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("a bug of ours")
	})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "half" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("aborted in its body: %q, %v; it must not look whole", body, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := send(t, ctx, http.NoBody, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that is given up: %v", err)
	}
}

// TestTransportKeepsNothing: a response that nobody reads waits with whoever
// makes it, until it is given up or its time is over.
func TestTransportKeepsNothing(t *testing.T) {
	for what, end := range map[string]func(w http.ResponseWriter, resp *http.Response){
		"given up": func(_ http.ResponseWriter, resp *http.Response) { _ = resp.Body.Close() },
		"late": func(w http.ResponseWriter, _ *http.Response) {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0))
		},
	} {
		var taken, ended atomic.Int64
		writer := make(chan http.ResponseWriter, 1)
		resp, err := send(t, t.Context(), http.NoBody, func(w http.ResponseWriter, _ *http.Request) {
			defer ended.Add(1)
			writer <- w
			for {
				n, err := w.Write(make([]byte, 4096))
				taken.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := taken.Load(); n != 0 {
			t.Errorf("%s: %d bytes were taken from a response that nobody reads", what, n)
		}
		end(<-writer, resp)
		poll.Until(t, 10*time.Second, "the end of the handler", func() (any, bool) { return ended.Load(), ended.Load() == 1 })
	}
}
