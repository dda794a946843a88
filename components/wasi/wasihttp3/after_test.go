package wasihttp3

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/wit/abi"
)

// TestServeGuestGoesOn ends the response though the guest goes on, and does not
// tell the guest that its client went away once that has everything.
func TestServeGuestGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		fields map[string]string
		body   abi.Option[abi.Stream[byte]]
	}{
		"empty":   {map[string]string{"content-length": "0"}, noBody()},
		"stated":  {map[string]string{"content-length": "5"}, text("wh", "ole")},
		"chunked": {nil, text("wh", "ole")},
	} {
		received, worked := make(chan struct{}), make(chan error, 1)
		url, results := newServer(t, func(_ context.Context, g *guest, _ contract.Request) (contract.Response, error) {
			g.after = func(ctx context.Context) error {
				select {
				case <-received:
					worked <- ctx.Err()
				case <-time.After(20 * time.Second):
					worked <- errors.New("the client waits for the guest")
				}
				return nil
			}
			p, _ := respond(t, 200, c.fields, c.body, noTrailers())
			return p, nil
		})
		wholeAndGone(t, url)
		if err := <-results; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		close(received)
		if err := <-worked; err != nil {
			t.Errorf("%s: the guest goes on with %v", name, err)
		}
	}
}

// wholeAndGone reads the response to the end and closes the connection.
func wholeAndGone(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
}

// TestServeClientGoneBeforeTheEnd lets a client go that has all bytes of a body
// of stated length while the guest has not ended its stream.
func TestServeClientGoneBeforeTheEnd(t *testing.T) {
	gone := make(chan struct{})
	n := 0
	tail := newStreamFunc(func(ctx context.Context, b []byte) (int, error) {
		if n++; n == 1 {
			return copy(b, "whole"), nil
		}
		<-gone
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond): // net/http would notice within that
			return 0, io.EOF
		}
	})
	url, results := newServer(t, func(context.Context, *guest, contract.Request) (contract.Response, error) {
		p, _ := respond(t, 200, map[string]string{"content-length": "5"}, abi.Some[abi.Stream[byte]](tail), noTrailers())
		return p, nil
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	close(gone)
	if err := <-results; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

// TestServeReadsOn lets the guest read the request after it answered.
func TestServeReadsOn(t *testing.T) {
	read := make(chan string, 1)
	url, results := newServer(t, func(ctx context.Context, g *guest, q contract.Request) (contract.Response, error) {
		in, err := types.RequestConsumeBody(ctx, q, ignored())
		if err != nil {
			return nil, err
		}
		var once sync.Once
		g.after = func(ctx context.Context) error {
			once.Do(func() {
				got, err := readAll(ctx, in.F0)
				read <- fmt.Sprintf("%s %v", got, err)
			})
			return nil
		}
		p, _ := respond(t, 200, nil, text("early"), noTrailers())
		return p, nil
	})
	pr, pw := io.Pipe()
	resp, err := http.Post(url, "text/plain", pr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(pw, "late")
	_ = pw.Close()
	if got := <-read; got != "late <nil>" {
		t.Errorf("the guest read %q", got)
	}
	if err := <-results; err != nil {
		t.Error(err)
	}
}
