package wasihttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

func TestNothingWorksAfterServe(t *testing.T) {
	var s wasiio.OutputStream
	var in wasiio.InputStream
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.IncomingRequest, out contract.ResponseOutparam) error {
		b, _ := q.Consume(ctx)
		in, _ = b.Stream(ctx)
		resp, _ := types.NewOutgoingResponse(ctx, newFields())
		body, _ := resp.Body(ctx)
		_ = set(ctx, out, resp)
		s, _ = body.Write(ctx)
		return nil
	})
	if resp, err := http.DefaultClient.Do(newRequest(t, "POST", url, strings.NewReader("x"))); err == nil {
		resp.Body.Close()
	}
	<-results
	if se := streamError(s.Write(ctx, []byte("late"))); se == nil || se.Case != wasiio.StreamErrorCaseClosed {
		t.Error("the response can be written after Serve")
	}
	if se := streamError(s.Flush(ctx)); se == nil || se.Case != wasiio.StreamErrorCaseClosed {
		t.Error("the response can be flushed after Serve")
	}
	if _, err := in.BlockingRead(ctx, 1); streamError(err) == nil {
		t.Errorf("the request can be read after Serve: %v", err)
	}
}

// TestServeEndsWithItsContext checks a client that neither sends its body nor
// reads its response.
func TestServeEndsWithItsContext(t *testing.T) {
	for name, handle := range map[string]handleFunc{
		"read": func(ctx context.Context, _ *guest, q contract.IncomingRequest, _ contract.ResponseOutparam) error {
			b, _ := q.Consume(ctx)
			s, _ := b.Stream(ctx)
			_, err := readAll(ctx, s)
			return err
		},
		"write": func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
			return respond(ctx, out, 200, nil, strings.Split(strings.Repeat(strings.Repeat("x", 4000)+" ", 20_000), " ")...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			results := make(chan error, 1)
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithTimeout(r.Context(), 200*time.Millisecond)
				defer cancel()
				answer(ctx, handle, w, r, results)
			})}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- srv.Serve(ln) }()
			conn, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
			select {
			case err := <-results:
				if code := errcode.Of(err); code != errcode.Deadline {
					t.Errorf("Serve = %v with code %s", err, code)
				}
			case <-time.After(10 * time.Second):
				t.Error("Serve did not end with its context")
			}
			conn.Close()
			srv.Close()
			<-served
		})
	}
}

func TestClientThatGoesAwayFailsTheStream(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		resp, _ := types.NewOutgoingResponse(context.Background(), newFields())
		body, _ := resp.Body(ctx)
		_ = set(ctx, out, resp)
		s, _ := body.Write(ctx)
		for {
			if err := s.Write(context.Background(), make([]byte, 64<<10)); err != nil {
				if code := codeIn(t, err); code.Case == contract.ErrorCodeCaseInternalError {
					t.Errorf("code %s", code.Case)
				}
				return nil
			}
		}
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	var e *Error
	if err := <-results; !errors.As(err, &e) || !e.HeadSent {
		t.Errorf("Serve = %v", err)
	}
}

func TestIncomingBodyRules(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.IncomingRequest, out contract.ResponseOutparam) error {
		b, err := q.Consume(ctx)
		if err != nil {
			return err
		}
		if _, err := q.Consume(ctx); err == nil {
			t.Error("the body was consumed twice")
		}
		s, err := b.Stream(ctx)
		if err != nil {
			return err
		}
		if _, err := b.Stream(ctx); err == nil {
			t.Error("the stream was taken twice")
		}
		if _, err := types.IncomingBodyFinish(ctx, b); !errors.Is(err, errcode.Trap) {
			t.Errorf("finish with the stream open: %v", err)
		}
		text, err := readAll(ctx, s)
		if err != nil {
			return err
		}
		s.Drop(ctx)
		f, err := types.IncomingBodyFinish(ctx, b)
		if err != nil {
			return err
		}
		got, _ := f.Get(ctx)
		if !got.Some || got.Value.IsErr || got.Value.Ok.IsErr || got.Value.Ok.Ok.Some {
			t.Errorf("trailers of a body without any: %+v", got)
		}
		return respond(ctx, out, 200, nil, text)
	})
	if _, body := do(t, newRequest(t, "POST", url, strings.NewReader("payload"))); body != "payload" {
		t.Errorf("%q, %v", body, <-results)
	}
}

func TestUnexpectedEndOfRequestBody(t *testing.T) {
	codes := make(chan contract.ErrorCode, 1)
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.IncomingRequest, _ contract.ResponseOutparam) error {
		b, _ := q.Consume(ctx)
		s, _ := b.Stream(ctx)
		_, err := readAll(context.Background(), s)
		codes <- codeIn(t, err)
		return nil
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
	conn.Close()
	if code := <-codes; code.Case != contract.ErrorCodeCaseConnectionTerminated {
		t.Errorf("code %s", code.Case)
	}
	<-results
}

// TestServeHTTP2 runs a body with trailers both ways, and one that is cut off,
// over HTTP/2.
func TestServeHTTP2(t *testing.T) {
	results := make(chan error, 2)
	handle := func(ctx context.Context, _ *guest, q contract.IncomingRequest, out contract.ResponseOutparam) error {
		in, _ := q.Consume(ctx)
		s, _ := in.Stream(ctx)
		text, err := readAll(ctx, s)
		if err != nil {
			return err
		}
		s.Drop(ctx)
		future, err := types.IncomingBodyFinish(ctx, in)
		if err != nil {
			return err
		}
		got, _ := future.Get(ctx)
		future.Drop(ctx)
		resp, _ := types.NewOutgoingResponse(ctx, newFields())
		body, _ := resp.Body(ctx)
		if err := set(ctx, out, resp); err != nil {
			return err
		}
		if err := writeAll(ctx, body, text); err != nil {
			return err
		}
		if !got.Value.Ok.Ok.Some {
			body.Drop(ctx)
			return nil
		}
		return types.OutgoingBodyFinish(ctx, body, abi.Some(must(got.Value.Ok.Ok.Value.Clone(ctx))))
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(r.Context(), handle, w, r, results)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	defer srv.Client().CloseIdleConnections()
	r := newRequest(t, "POST", srv.URL, io.MultiReader(strings.NewReader("over two")))
	r.Trailer = http.Header{"X-Sum": {"42"}}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.ProtoMajor != 2 || string(body) != "over two" || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("HTTP/%d %q, trailers %v, %v; Serve = %v", resp.ProtoMajor, body, resp.Trailer, err, <-results)
	}
	resp, err = srv.Client().Do(newRequest(t, "POST", srv.URL, strings.NewReader("cut")))
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("the client took a cut response for a whole one")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestServeStalledBody answers a client that does not send its body, and
// closes the connection: what comes later must not be taken for a request.
func TestServeStalledBody(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		return respond(ctx, out, 200, map[string]string{"content-length": "5"}, "whole")
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(string(all), "\r\n\r\nwhole") {
		t.Errorf("%q, %v; want the response and the end", all, err)
	}
	if err := <-results; err != nil {
		t.Error(err)
	}
}
