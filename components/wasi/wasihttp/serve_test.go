package wasihttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

func TestServeHello(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.IncomingRequest, out contract.ResponseOutparam) error {
		m, _ := q.Method(ctx)
		p, _ := q.PathWithQuery(ctx)
		s, _ := q.Scheme(ctx)
		a, _ := q.Authority(ctx)
		h, _ := q.Headers(ctx)
		v, _ := h.Get(ctx, "X-Asked")
		text := strings.Join([]string{m.Case.String(), p.Value, s.Value.Case.String(), a.Value, string(v[0])}, " ")
		return respond(ctx, out, 201, map[string]string{"X-Answer": "yes", "content-type": "text/x"}, text)
	})
	r := newRequest(t, "PUT", url+"/a%2Fb//c?d=e&f", nil)
	r.Header.Set("X-Asked", "q")
	resp, body := do(t, r)
	want := "put /a%2Fb//c?d=e&f HTTP " + r.URL.Host + " q"
	if body != want || resp.StatusCode != 201 || resp.Header.Get("X-Answer") != "yes" || resp.Header.Get("Content-Type") != "text/x" {
		t.Errorf("got %d %v %q, want %q", resp.StatusCode, resp.Header, body, want)
	}
	if resp.ContentLength != int64(len(want)) {
		t.Errorf("an answer written and flushed in one piece has content-length %d", resp.ContentLength)
	}
	if err := <-results; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestServeDoesNotGuessContentType(t *testing.T) {
	url, _ := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		return respond(ctx, out, 200, nil, "<html>")
	})
	resp, _ := do(t, newRequest(t, "GET", url, nil))
	if v, ok := resp.Header["Content-Type"]; ok {
		t.Errorf("Content-Type %q that the guest did not set", v)
	}
}

// TestServeStreams checks that the client sees the first piece while the guest
// still runs, and that the guest sees each piece of the request as it comes.
func TestServeStreams(t *testing.T) {
	seen := make(chan struct{})
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.IncomingRequest, out contract.ResponseOutparam) error {
		in, err := q.Consume(ctx)
		if err != nil {
			return err
		}
		from, err := in.Stream(ctx)
		if err != nil {
			return err
		}
		resp, _ := types.NewOutgoingResponse(ctx, newFields())
		body, _ := resp.Body(ctx)
		if err := set(ctx, out, resp); err != nil {
			return err
		}
		to, _ := body.Write(ctx)
		for {
			b, err := from.BlockingRead(ctx, 100)
			if se := streamError(err); se != nil && se.Case == wasiio.StreamErrorCaseClosed {
				break
			} else if err != nil {
				return err
			}
			if err := to.BlockingWriteAndFlush(ctx, b); err != nil {
				return err
			}
			seen <- struct{}{}
		}
		to.Drop(ctx)
		return types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]())
	})
	pr, pw := io.Pipe()
	r := newRequest(t, "POST", url, pr)
	got := make(chan *http.Response, 1)
	go func() {
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		got <- resp
	}()
	_, _ = pw.Write([]byte("one"))
	<-seen
	resp := <-got
	if resp == nil {
		t.FailNow()
	}
	defer resp.Body.Close()
	buf := make([]byte, 16)
	n, err := io.ReadAtLeast(resp.Body, buf, 3)
	if err != nil || string(buf[:n]) != "one" {
		t.Fatalf("first piece %q, %v", buf[:n], err)
	}
	_, _ = pw.Write([]byte("two"))
	<-seen
	_ = pw.Close()
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "two" {
		t.Errorf("rest %q, %v", rest, err)
	}
	if err := <-results; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestServeTrailersBothWays(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.IncomingRequest, out contract.ResponseOutparam) error {
		in, _ := q.Consume(ctx)
		future, err := types.IncomingBodyFinish(ctx, in)
		if err != nil {
			return err
		}
		p, _ := future.Subscribe(ctx)
		if err := p.Block(ctx); err != nil {
			return err
		}
		got, _ := future.Get(ctx)
		if again, _ := future.Get(ctx); !again.Some || !again.Value.IsErr {
			return errors.New("trailers can be taken twice")
		}
		future.Drop(ctx)
		if !got.Some || got.Value.IsErr || got.Value.Ok.IsErr || !got.Value.Ok.Ok.Some {
			return errors.New("no trailers")
		}
		sums, _ := got.Value.Ok.Ok.Value.Get(ctx, "x-sum")
		resp, _ := types.NewOutgoingResponse(ctx, newFields())
		body, _ := resp.Body(ctx)
		if err := set(ctx, out, resp); err != nil {
			return err
		}
		if err := writeAll(ctx, body, "body"); err != nil {
			return err
		}
		trailers := newFields()
		if err := trailers.Append(ctx, "X-Back", sums[0]); err != nil {
			return err
		}
		return types.OutgoingBodyFinish(ctx, body, abi.Some[contract.Fields](trailers))
	})
	r := newRequest(t, "POST", url, io.MultiReader(strings.NewReader("unread")))
	r.Trailer = http.Header{"X-Sum": {"42"}}
	resp, body := do(t, r)
	if body != "body" || resp.Trailer.Get("X-Back") != "42" {
		t.Errorf("body %q, trailers %v; %v", body, resp.Trailer, <-results)
	}
}

func TestServeWithoutBodies(t *testing.T) {
	var status uint16
	var length string
	url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		h := map[string]string{}
		if length != "" {
			h["content-length"] = length
		}
		return respond(ctx, out, status, h)
	})
	for _, test := range []struct {
		method string
		status uint16
		length string
		want   int64
	}{
		{"HEAD", 200, "10", 10}, {"GET", 204, "", 0}, {"GET", 304, "10", 0}, {"GET", 200, "0", 0}, {"GET", 200, "", 0},
	} {
		status, length = test.status, test.length
		resp, body := do(t, newRequest(t, test.method, url, nil))
		if err := <-results; err != nil {
			t.Errorf("%+v: %v", test, err)
		}
		if body != "" || resp.StatusCode != int(test.status) || max(resp.ContentLength, 0) != test.want {
			t.Errorf("%+v: %d %q, length %d", test, resp.StatusCode, body, resp.ContentLength)
		}
	}
}

func TestServeBeforeTheHeadIsSent(t *testing.T) {
	fail := errors.New("guest trapped")
	refuse := func(code contract.ErrorCode) handleFunc {
		return func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
			return types.ResponseOutparamSet(ctx, out, abi.Result[contract.OutgoingResponse, contract.ErrorCode]{IsErr: true, Err: code})
		}
	}
	bare := func(status uint16, name, value string) handleFunc {
		return func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
			f := newFields()
			if name != "" {
				_ = f.Append(ctx, name, []byte(value))
			}
			resp, _ := types.NewOutgoingResponse(ctx, f)
			_ = resp.SetStatusCode(ctx, status)
			return set(ctx, out, resp)
		}
	}
	tests := map[string]struct {
		handle handleFunc
		status int
		is     error
	}{
		"no answer": {
			func(context.Context, *guest, contract.IncomingRequest, contract.ResponseOutparam) error { return nil },
			500, errcode.Trap,
		},
		"trap": {
			func(context.Context, *guest, contract.IncomingRequest, contract.ResponseOutparam) error { return fail },
			500, fail,
		},
		"deadline": {
			func(context.Context, *guest, contract.IncomingRequest, contract.ResponseOutparam) error {
				return errcode.New(errcode.Deadline, "too slow")
			},
			504, errcode.Deadline,
		},
		"internal error": {refuse(contract.ErrorCodeInternalError(abi.None[string]())), 500, errcode.Unavailable},
		"denied":         {refuse(contract.ErrorCodeHTTPRequestDenied()), 403, nil},
		"too large":      {refuse(contract.ErrorCodeHTTPRequestBodySize(abi.None[uint64]())), 413, nil},
		"upstream slow":  {refuse(contract.ErrorCodeConnectionReadTimeout()), 504, nil},
		"upstream gone":  {refuse(contract.ErrorCodeConnectionRefused()), 502, nil},
		"status 103":     {bare(103, "", ""), 500, errcode.Invalid},
		"bad length":     {bare(200, "content-length", "1, 2"), 500, errcode.Invalid},
		"missing body":   {bare(200, "content-length", "5"), 500, errcode.Invalid},
	}
	for name, test := range tests {
		url, results := newServer(t, test.handle)
		resp, _ := do(t, newRequest(t, "GET", url, nil))
		err := <-results
		var e *Error
		if !errors.As(err, &e) || e.HeadSent || e.Status != test.status || resp.StatusCode != test.status {
			t.Errorf("%s: %d, %+v, want %d", name, resp.StatusCode, err, test.status)
		}
		if test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: %v is not %v", name, err, test.is)
		}
	}
}

// TestServeAbortsBrokenResponses checks that a client can tell a cut response
// from a whole one.
func TestServeAbortsBrokenResponses(t *testing.T) {
	begin := func(ctx context.Context, out contract.ResponseOutparam, length string) contract.OutgoingBody {
		f := newFields()
		if length != "" {
			_ = f.Append(ctx, "content-length", []byte(length))
		}
		resp, _ := types.NewOutgoingResponse(ctx, f)
		body, _ := resp.Body(ctx)
		_ = set(ctx, out, resp)
		return body
	}
	tests := map[string]struct {
		handle func(ctx context.Context, out contract.ResponseOutparam) error
		code   string
	}{
		"too short": {func(ctx context.Context, out contract.ResponseOutparam) error {
			body := begin(ctx, out, "10")
			_ = writeAll(ctx, body, "short")
			err := types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]())
			if got := caseOf(err); got != "HTTP-response-body-size" {
				t.Errorf("finish of a short body: %v", err)
			}
			return nil
		}, "HTTP-response-body-size"},
		"too long": {func(ctx context.Context, out contract.ResponseOutparam) error {
			body := begin(ctx, out, "3")
			s, _ := body.Write(ctx)
			if err := s.Write(ctx, []byte("abc")); err != nil {
				return err
			}
			if code := codeIn(t, s.Write(ctx, []byte("d"))); code.Case != contract.ErrorCodeCaseHTTPResponseBodySize || code.HTTPResponseBodySize.Value != 4 {
				t.Errorf("write beyond the length: %v", code)
			}
			if se := streamError(s.Write(ctx, []byte("e"))); se == nil || se.Case != wasiio.StreamErrorCaseClosed {
				t.Error("the stream takes bytes after its failure")
			}
			s.Drop(ctx)
			return nil
		}, "HTTP-response-body-size"},
		"body dropped": {func(ctx context.Context, out contract.ResponseOutparam) error {
			body := begin(ctx, out, "")
			_ = writeAll(ctx, body, "part")
			body.Drop(ctx)
			return nil
		}, ""},
		"body left": {func(ctx context.Context, out contract.ResponseOutparam) error {
			return writeAll(ctx, begin(ctx, out, ""), "part")
		}, "HTTP-response-incomplete"},
		"trap": {func(ctx context.Context, out contract.ResponseOutparam) error {
			_ = writeAll(ctx, begin(ctx, out, ""), "part")
			return errors.New("guest trapped")
		}, "internal-error"},
	}
	for name, test := range tests {
		url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
			return test.handle(ctx, out)
		})
		resp, err := http.DefaultClient.Do(newRequest(t, "GET", url, nil))
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the client saw a whole response", name)
		}
		var e *Error
		if got := <-results; !errors.As(got, &e) || !e.HeadSent || e.Complete || test.code != "" && e.Code.Case.String() != test.code {
			t.Errorf("%s: Serve = %+v", name, got)
		}
	}
}

func TestServeTraps(t *testing.T) {
	tests := map[string]func(ctx context.Context, out contract.ResponseOutparam) error{
		"set twice": func(ctx context.Context, out contract.ResponseOutparam) error {
			resp, _ := types.NewOutgoingResponse(ctx, newFields())
			_ = set(ctx, out, resp)
			return set(ctx, out, resp)
		},
		"finish with the stream open": func(ctx context.Context, out contract.ResponseOutparam) error {
			resp, _ := types.NewOutgoingResponse(ctx, newFields())
			body, _ := resp.Body(ctx)
			_, _ = body.Write(ctx)
			return types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]())
		},
		"finish twice": func(ctx context.Context, out contract.ResponseOutparam) error {
			resp, _ := types.NewOutgoingResponse(ctx, newFields())
			body, _ := resp.Body(ctx)
			_ = types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]())
			return types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]())
		},
		"more than is kept before the head": func(ctx context.Context, _ contract.ResponseOutparam) error {
			resp, _ := types.NewOutgoingResponse(ctx, newFields())
			body, _ := resp.Body(ctx)
			s, _ := body.Write(ctx)
			for {
				if err := s.BlockingWriteZeroesAndFlush(ctx, 4096); err != nil {
					return err
				}
			}
		},
		"a write longer than its permit": func(ctx context.Context, _ contract.ResponseOutparam) error {
			resp, _ := types.NewOutgoingResponse(ctx, newFields())
			body, _ := resp.Body(ctx)
			s, _ := body.Write(ctx)
			return s.BlockingWriteAndFlush(ctx, make([]byte, 4097))
		},
	}
	for name, handle := range tests {
		url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
			return handle(ctx, out)
		})
		if resp, err := http.DefaultClient.Do(newRequest(t, "GET", url, nil)); err == nil {
			resp.Body.Close()
		}
		if err := <-results; !errors.Is(err, errcode.Trap) {
			t.Errorf("%s: %v, want a trap", name, err)
		}
	}
}

func TestBodyWrittenBeforeTheHead(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		f := newFields()
		_ = f.Append(ctx, "content-length", []byte("5"))
		resp, _ := types.NewOutgoingResponse(ctx, f)
		body, _ := resp.Body(ctx)
		if _, err := resp.Body(ctx); err == nil {
			t.Error("the body was handed out twice")
		}
		if err := writeAll(ctx, body, "he", "llo"); err != nil {
			return err
		}
		if _, err := body.Write(ctx); err == nil {
			t.Error("the stream was handed out twice")
		}
		if err := types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]()); err != nil {
			return err
		}
		return set(ctx, out, resp)
	})
	resp, body := do(t, newRequest(t, "GET", url, nil))
	if err := <-results; err != nil || body != "hello" || resp.ContentLength != 5 {
		t.Errorf("%q, length %d, %v", body, resp.ContentLength, err)
	}
}
