package httpserver_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestUpgrades: what wasi:http cannot express is refused by name, and the
// connection serves what follows.
func TestUpgrades(t *testing.T) {
	s := start(t, nil, nil)
	session, _ := s.mustServe("a", nil, says("a"))
	for name, c := range map[string]struct{ request, says string }{
		"WebSocket": {"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", "unsupported: WebSocket"},
		"CONNECT":   {"CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n", "unsupported: CONNECT"},
	} {
		before := s.refused("upgrade")
		_, r := dialRaw(t, addr(t, session), c.request+"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, text := answer(t, r, "GET")
		if resp.StatusCode != 501 || !strings.Contains(text, c.says) || !strings.Contains(text, "wasi:http") {
			t.Errorf("%s: %d %q", name, resp.StatusCode, text)
		}
		if n := s.refused("upgrade"); n != before+1 {
			t.Errorf("%s: %d refusals counted, want %d", name, n, before+1)
		}
		if next, text := answer(t, r, "GET"); next.StatusCode != 200 || text != "a" {
			t.Errorf("%s: the next request: %d %q", name, next.StatusCode, text)
		}
	}
	// Whoever offers another protocol goes on with this one.
	_, r := dialRaw(t, addr(t, session), "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
	if resp, text := answer(t, r, "GET"); resp.StatusCode != 200 || text != "a" {
		t.Errorf("an offer of h2c: %d %q, want the component's answer", resp.StatusCode, text)
	}
	c := client(t, h2c)
	req, _ := http.NewRequestWithContext(t.Context(), "CONNECT", "http://"+addr(t, session), nil)
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 501 || !strings.Contains(string(text), "unsupported: CONNECT") {
		t.Errorf("CONNECT over HTTP/2: %d %q", resp.StatusCode, text)
	}
}

// frame returns a message as gRPC frames it.
func frame(text string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(text)))
	return append(b, text...)
}

// TestGRPC has the shape of a call with streams in both directions: messages
// go to and fro in turn over h2c, with trailers both ways, which the component
// announces with a head that it sends at once, or sends unannounced after a
// head that waits for the first message.
func TestGRPC(t *testing.T) {
	for name, announced := range map[string]bool{"announced": true, "unannounced": false} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil, nil)
			trailers := make(chan http.Header, 1)
			_, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Te") != "trailers" || r.Header.Get("Content-Type") != "application/grpc" {
					t.Errorf("the component got the fields %v", r.Header)
				}
				prefix := http.TrailerPrefix
				w.Header().Set("Content-Type", "application/grpc")
				if announced {
					prefix = ""
					w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
					w.WriteHeader(http.StatusOK)
					_ = http.NewResponseController(w).Flush()
				}
				echoUpper(w, r)
				trailers <- r.Trailer
				w.Header().Set(prefix+"Grpc-Status", "0")
				w.Header().Set(prefix+"Grpc-Message", "done")
				w.Header().Set(http.TrailerPrefix+"Late", "unannounced")
			})
			body, feed := io.Pipe()
			r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/pkg.Service/Method", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
			r.Trailer = http.Header{"X-Sum": nil}
			fed := make(chan error, 1)
			go func() { // ends with the first message, which is read below or given up with the request
				_, err := feed.Write(frame("one"))
				fed <- err
			}()
			resp, err := client(t, h2c).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if err := <-fed; err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/grpc" || resp.ProtoMajor != 2 {
				t.Fatalf("%d %s %v, first message %v", resp.StatusCode, resp.Proto, resp.Header, err)
			}
			for i, text := range []string{"one", "", strings.Repeat("long ", 30_000)} {
				if i > 0 {
					if _, err := feed.Write(frame(text)); err != nil {
						t.Fatal(err)
					}
				}
				want := frame(strings.ToUpper(text))
				got := make([]byte, len(want))
				if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("a message of %d bytes came back as %d others, %v", len(text), len(got), err)
				}
			}
			r.Trailer.Set("X-Sum", "3")
			_ = feed.Close()
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
				t.Errorf("after the last message: %d bytes, %v", len(rest), err)
			}
			if got := resp.Trailer; got.Get("Grpc-Status") != "0" || got.Get("Grpc-Message") != "done" || got.Get("Late") != "unannounced" {
				t.Errorf("trailers %v", got)
			}
			if got := <-trailers; got.Get("X-Sum") != "3" {
				t.Errorf("the component got the trailers %v", got)
			}
		})
	}
}

// echoUpper answers each message with itself in upper case, until they end.
func echoUpper(w http.ResponseWriter, r *http.Request) {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(r.Body, head); err != nil {
			return
		}
		text := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(r.Body, text); err != nil {
			return
		}
		_, _ = w.Write(frame(strings.ToUpper(string(text))))
		_ = http.NewResponseController(w).Flush()
	}
}
