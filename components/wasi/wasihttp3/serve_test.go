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
	"testing"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/wit/abi"
)

// TestServeStreamsBothWays answers each piece of a request before the next one
// is sent.
func TestServeStreamsBothWays(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.Request) (contract.Response, error) {
		in, err := types.RequestConsumeBody(ctx, q, ignored())
		if err != nil {
			return nil, err
		}
		upper := newStreamFunc(func(ctx context.Context, b []byte) (int, error) {
			n, err := in.F0.Read(ctx, b)
			copy(b, strings.ToUpper(string(b[:n])))
			return n, err
		})
		p, _ := respond(t, 200, nil, abi.Some[abi.Stream[byte]](upper), noTrailers())
		return p, nil
	})
	pr, pw := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", url, pr)
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	go func() {
		_, _ = io.WriteString(pw, "first ")
		<-started
		_, _ = io.WriteString(pw, "second")
		_ = pw.Close()
	}()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "FIRST " {
		t.Fatalf("first piece %q, %v", first, err)
	}
	close(started)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "SECOND" {
		t.Errorf("rest %q, %v", rest, err)
	}
	if err := <-results; err != nil {
		t.Error(err)
	}
}

func TestServeRequestParts(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.Request) (contract.Response, error) {
		method, _ := q.GetMethod(ctx)
		path, _ := q.GetPathWithQuery(ctx)
		scheme, _ := q.GetScheme(ctx)
		authority, _ := q.GetAuthority(ctx)
		options, _ := q.GetOptions(ctx)
		h, _ := q.GetHeaders(ctx)
		one, _ := h.Get(ctx, "X-ONE")
		if err := h.Append(ctx, "a", []byte("b")); !errors.Is(err, errImmutable) {
			t.Errorf("append to received fields: %v", err)
		}
		in, err := types.RequestConsumeBody(ctx, q, ignored())
		if err != nil {
			return nil, err
		}
		body, err := readAll(ctx, in.F0)
		if err != nil {
			t.Errorf("read body: %v", err)
		}
		trailers, err := in.F1.Read(ctx)
		if err != nil || trailers.IsErr || !trailers.Ok.Some {
			t.Errorf("trailers %+v, %v", trailers, err)
			return nil, abi.Fail(contract.ErrorCodeLoopDetected())
		}
		sum, _ := trailers.Ok.Value.Get(ctx, "x-sum")
		answer := fmt.Sprintf("%s %s %s %v %v %s %s %s", method.Case, path.Value, scheme.Value.Case, authority.Some, options.Some, one[0], body, sum[0])
		p, sent := respond(t, 201, map[string]string{"x-a": "b", "trailer": "x-t"}, text("it ", "was"), trailersOf(t, map[string]string{"x-t": answer}))
		go func() {
			if how := settled(t, sent); how != "" {
				t.Errorf("transmission: %s", how)
			}
		}()
		return p, nil
	})
	r, err := http.NewRequestWithContext(t.Context(), "PUT", url+"/a//b?c=%20", io.MultiReader(strings.NewReader("long body"), strings.NewReader(", in pieces")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-one", "1")
	r.Trailer = http.Header{"X-Sum": {"42"}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 201 || string(body) != "it was" || resp.Header.Get("X-A") != "b" {
		t.Errorf("%d %q %v, %v", resp.StatusCode, body, resp.Header, err)
	}
	if got, want := resp.Trailer.Get("X-T"), "put /a//b?c=%20 HTTP true false 1 long body, in pieces 42"; got != want {
		t.Errorf("the guest saw %q, want %q", got, want)
	}
	if err := <-results; err != nil {
		t.Error(err)
	}
}

// TestServeFailures answers what cannot be sent, or not whole.
func TestServeFailures(t *testing.T) {
	broken := errors.New("the guest trapped")
	brokenTrailers := abi.Ready(trailersResult{IsErr: true, Err: contract.ErrorCodeHTTPResponseTimeout()})
	for name, c := range map[string]struct {
		status  uint16
		fields  map[string]string
		body    abi.Option[abi.Stream[byte]]
		after   abi.Future[trailersResult]
		err     error
		want    int // 0 for a connection that is cut
		outcome string
	}{
		"error code":         {err: abi.Fail(contract.ErrorCodeConnectionRefused()), want: 502},
		"trap":               {err: broken, want: 500},
		"bad length":         {status: 200, fields: map[string]string{"content-length": "x"}, body: noBody(), want: 500, outcome: "HTTP-protocol-error"},
		"informational":      {status: 101, body: noBody(), want: 500, outcome: "HTTP-protocol-error"},
		"no body":            {status: 200, fields: map[string]string{"content-length": "3"}, body: noBody(), want: 500, outcome: "HTTP-protocol-error"},
		"body too short":     {status: 200, fields: map[string]string{"content-length": "9"}, body: text("short"), outcome: "HTTP-response-body-size"},
		"body too long":      {status: 200, fields: map[string]string{"content-length": "2"}, body: text("long"), outcome: "HTTP-response-body-size"},
		"trailers fail":      {status: 200, body: text("begun"), after: brokenTrailers, outcome: "HTTP-response-timeout"},
		"body breaks":        {status: 200, body: abi.Some[abi.Stream[byte]](&pieces{list: []string{"x"}, err: broken}), outcome: "internal-error"},
		"length and HEAD":    {status: 200, fields: map[string]string{"content-length": "9"}, body: noBody(), want: 200},
		"body where none is": {status: 204, body: text("dropped"), want: 204},
	} {
		sent := make(chan abi.Future[outcome], 1)
		url, results := newServer(t, func(context.Context, *guest, contract.Request) (contract.Response, error) {
			if c.err != nil {
				return nil, c.err
			}
			after := c.after
			if after == nil {
				after = noTrailers()
			}
			p, future := respond(t, c.status, c.fields, c.body, after)
			sent <- future
			return p, nil
		})
		method := "GET"
		if strings.HasSuffix(name, "HEAD") {
			method = "HEAD"
		}
		got := 0
		r, _ := http.NewRequestWithContext(t.Context(), method, url, nil)
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			if _, err = io.Copy(io.Discard, resp.Body); err == nil {
				got = resp.StatusCode
			}
			_ = resp.Body.Close()
		}
		if got != c.want {
			t.Errorf("%s: status %d, %v; want %d", name, got, err, c.want)
		}
		var served *wasihttp.Error
		err = <-results
		if whole := c.want == 200 || c.want == 204; whole != (err == nil) || !whole && !errors.As(err, &served) {
			t.Errorf("%s: Serve = %v", name, err)
		}
		if c.err == nil {
			if how := settled(t, <-sent); how != c.outcome {
				t.Errorf("%s: transmission %q, want %q", name, how, c.outcome)
			}
		}
	}
}

// TestServeClientGone ends an endless response when its client goes away.
func TestServeClientGone(t *testing.T) {
	endless := newStreamFunc(func(_ context.Context, b []byte) (int, error) { return len(b), nil })
	var sent abi.Future[outcome]
	url, results := newServer(t, func(context.Context, *guest, contract.Request) (contract.Response, error) {
		p, future := respond(t, 200, nil, abi.Some[abi.Stream[byte]](endless), noTrailers())
		sent = future
		return p, nil
	})
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	var served *wasihttp.Error
	if err := <-results; !errors.As(err, &served) || !served.HeadSent || served.Complete {
		t.Errorf("Serve = %v, want an incomplete response", err)
	}
	<-endless.closed
	if how := settled(t, sent); how == "" {
		t.Error("the guest is told that its response was transmitted")
	}
}

// TestServeUnreadBody leaves the connection usable, whatever the guest does
// not read.
func TestServeUnreadBody(t *testing.T) {
	n := 0
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.Request) (contract.Response, error) {
		if n++; n%2 == 0 { // it takes the body and lets go of it
			in, err := types.RequestConsumeBody(ctx, q, ignored())
			if err != nil {
				return nil, err
			}
			in.F0.Close()
			in.F1.Close()
		}
		q.Drop(ctx)
		p, _ := respond(t, 200, nil, text("ok"), noTrailers())
		return p, nil
	})
	for i := range 40 {
		resp, err := http.Post(url, "text/plain", strings.NewReader("unread"))
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(body) != "ok" {
			t.Fatalf("request %d: %q, %v", i, body, err)
		}
		if err := <-results; err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

// TestServeEndsReads returns although the guest waits for a body that does not
// come, and what it kept of the request is of no use afterwards.
func TestServeEndsReads(t *testing.T) {
	read := make(chan error, 1)
	var kept abi.Stream[byte]
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.Request) (contract.Response, error) {
		in, err := types.RequestConsumeBody(ctx, q, ignored())
		if err != nil {
			return nil, err
		}
		kept = in.F0
		began := make(chan struct{})
		go func() {
			close(began)
			_, err := in.F0.Read(context.Background(), make([]byte, 10))
			read <- err
		}()
		<-began
		p, _ := respond(t, 200, nil, noBody(), noTrailers())
		return p, nil
	})
	wholeAndClosed(t, url)
	if err := <-results; err != nil {
		t.Error(err)
	}
	if err := <-read; err == nil {
		t.Error("the read answered bytes")
	}
	if _, err := kept.Read(t.Context(), make([]byte, 1)); err == nil {
		t.Error("the body can be read after its request")
	}
}

// TestServeDroppedStream lets the response go on when the guest drops the body
// in the middle of a read.
func TestServeDroppedStream(t *testing.T) {
	read := make(chan error, 1)
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.Request) (contract.Response, error) {
		in, err := types.RequestConsumeBody(ctx, q, ignored())
		if err != nil {
			return nil, err
		}
		go func() {
			_, err := in.F0.Read(context.Background(), make([]byte, 10))
			read <- err
		}()
		poll.Until(t, 10*time.Second, "the read", func() (any, bool) {
			b := in.F0.(*received)
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.busy, b.busy
		})
		in.F0.Close()
		in.F1.Close()
		if ctx.Err() != nil {
			t.Errorf("the request ended with its body: %v", context.Cause(ctx))
		}
		p, _ := respond(t, 200, map[string]string{"content-length": "5"}, text("wh", "ole"), noTrailers())
		return p, nil
	})
	wholeAndClosed(t, url)
	if err := <-results; err != nil {
		t.Error(err)
	}
	if err := <-read; err == nil {
		t.Error("the read answered bytes")
	}
}

// TestServeStalledBody answers a client that does not send its body, and
// closes the connection: what comes later must not be taken for a request.
func TestServeStalledBody(t *testing.T) {
	url, results := newServer(t, func(context.Context, *guest, contract.Request) (contract.Response, error) {
		p, _ := respond(t, 200, nil, noBody(), noTrailers())
		return p, nil
	})
	wholeAndClosed(t, url)
	if err := <-results; err != nil {
		t.Error(err)
	}
}

// wholeAndClosed sends the head of a request and not its body, reads the
// response, and expects the end of the connection after it.
func wholeAndClosed(t *testing.T, url string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		t.Errorf("status %d, body %v", resp.StatusCode, err)
	}
	if c, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after the response: %q, %v; want the end", c, err)
	}
}

// TestServeDeadline interrupts a client that does not read.
func TestServeDeadline(t *testing.T) {
	g := &guest{handle: func(context.Context, *guest, contract.Request) (contract.Response, error) {
		p, _ := respond(t, 200, nil, abi.Some[abi.Stream[byte]](newStreamFunc(func(_ context.Context, b []byte) (int, error) { return len(b), nil })), noTrailers())
		return p, nil
	}}
	results := make(chan error, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
		defer cancel()
		exports, _ := contract.ResolveHandler(g)
		results <- Serve(ctx, g, exports, w, r, nil)
		panic(http.ErrAbortHandler)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	var served *wasihttp.Error
	if err := <-results; !errors.As(err, &served) || !errors.Is(err, errcode.Deadline) || !served.HeadSent {
		t.Errorf("Serve = %v, want the deadline", err)
	}
	_ = conn.Close()
	_ = srv.Close()
	<-done
}
