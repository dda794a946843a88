package wasihttp3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	older "latticework/components/wasi/bindings/wasihttp"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
	"latticework/internal/poll"
	"latticework/wit/abi"
)

func allowAll(context.Context, *http.Request) error { return nil }

// newClient returns a client that may send to anyone.
func newClient(t *testing.T) client {
	t.Helper()
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return client{&wasihttp.Outgoing{Transport: tr, Allow: allowAll}}
}

func newBackend(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return strings.TrimPrefix(srv.URL, "http://")
}

// message is what a request is made of.
type message struct {
	method, authority, path string
	fields                  map[string]string
	body                    abi.Option[abi.Stream[byte]]
	trailers                abi.Future[trailersResult]
	options                 *RequestOptions
}

func (m message) make(t *testing.T) (contract.Request, abi.Future[outcome]) {
	t.Helper()
	ctx := t.Context()
	if m.trailers == nil {
		m.trailers = noTrailers()
	}
	options := abi.None[contract.RequestOptions]()
	if m.options != nil {
		options = abi.Some[contract.RequestOptions](m.options)
	}
	made, err := types.RequestNew(ctx, fieldsOf(t, m.fields), m.body, m.trailers, options)
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"method":    made.F0.SetMethod(ctx, contract.MethodOther(m.method)),
		"scheme":    made.F0.SetScheme(ctx, abi.Some(contract.SchemeHTTP())),
		"authority": made.F0.SetAuthority(ctx, abi.Some(m.authority)),
		"path":      made.F0.SetPathWithQuery(ctx, abi.Some(m.path)),
	} {
		if err != nil {
			t.Fatalf("set %s: %v", what, err)
		}
	}
	return made.F0, made.F1
}

// answer is a response that was read to its end.
type answer struct {
	status   uint16
	body     string
	trailers map[string]string
	err      error  // of the body
	code     string // in place of all
}

// send sends m and reads the response to its end.
func send(t *testing.T, c client, m message) (a answer, sent abi.Future[outcome]) {
	t.Helper()
	ctx := t.Context()
	q, sent := m.make(t)
	p, err := c.Send(ctx, q)
	if err != nil {
		var f *abi.Failure[contract.ErrorCode]
		if !errors.As(err, &f) {
			t.Fatalf("send: %v", err)
		}
		return answer{code: f.Value.Case.String()}, sent
	}
	a.status, _ = p.GetStatusCode(ctx)
	in, err := types.ResponseConsumeBody(ctx, p, ignored())
	if err != nil {
		t.Fatal(err)
	}
	a.body, a.err = readAll(ctx, in.F0)
	in.F0.Close()
	r, err := in.F1.Read(ctx)
	if err != nil || r.IsErr != (a.err != nil) {
		t.Errorf("trailers %+v, %v after a body that ended with %v", r, err, a.err)
	}
	if r.Ok.Some {
		a.trailers = map[string]string{}
		all, _ := r.Ok.Value.CopyAll(ctx)
		for _, e := range all {
			a.trailers[e.F0] = string(e.F1)
		}
	}
	return a, sent
}

// echo answers with what it received.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Trailer", "x-sum")
	fmt.Fprintf(w, "%s %s %s %d %v %q", r.Method, r.RequestURI, r.Header.Get("x-a"), r.ContentLength, r.Trailer, body)
	w.Header().Set("x-sum", "42")
}

func TestClientSends(t *testing.T) {
	c, at := newClient(t), newBackend(t, echo)
	big := strings.Repeat("0123456789", 30_000)
	for name, test := range map[string]struct {
		message
		want string
	}{
		"nothing":         {message{method: "GET", path: ""}, `GET /  0 map[] ""`},
		"query":           {message{method: "DELETE", path: "?a=b"}, `DELETE /?a=b  0 map[] ""`},
		"fields":          {message{method: "GET", path: "/é", fields: map[string]string{"X-A": "b"}}, `GET /%C3%A9 b 0 map[] ""`},
		"body":            {message{method: "POST", path: "/", body: text("some ", "body")}, `POST /  -1 map[] "some body"`},
		"stated length":   {message{method: "PUT", path: "/", fields: map[string]string{"content-length": "9"}, body: text("some ", "body")}, `PUT /  9 map[] "some body"`},
		"stated nothing":  {message{method: "PUT", path: "/", fields: map[string]string{"content-length": "0"}, body: text()}, `PUT /  0 map[] ""`},
		"large":           {message{method: "POST", path: "/", body: text(big)}, fmt.Sprintf(`POST /  -1 map[] %q`, big)},
		"trailers":        {message{method: "POST", path: "/", fields: map[string]string{"trailer": "x-t"}, body: text("b"), trailers: trailersOf(t, map[string]string{"x-t": "1"})}, `POST /  -1 map[X-T:[1]] "b"`},
		"trailers, empty": {message{method: "POST", path: "/", fields: map[string]string{"trailer": "x-t"}, trailers: trailersOf(t, map[string]string{"x-t": "1"})}, `POST /  -1 map[X-T:[1]] ""`},
	} {
		test.authority = at
		a, sent := send(t, c, test.message)
		if a.status != 200 || a.body != test.want || a.err != nil || a.code != "" {
			t.Errorf("%s: %d %.200q %v %s, want %.200q", name, a.status, a.body, a.err, a.code, test.want)
		}
		if a.trailers["x-sum"] != "42" {
			t.Errorf("%s: trailers %v", name, a.trailers)
		}
		if how := settled(t, sent); how != "" {
			t.Errorf("%s: transmission %q", name, how)
		}
	}
	if n := c.out.InFlight(); n != 0 {
		t.Errorf("%d requests are under way at the end", n)
	}
}

func TestClientFailures(t *testing.T) {
	c, at := newClient(t), newBackend(t, echo)
	refuse := func(err error) client {
		return client{&wasihttp.Outgoing{Transport: c.out.Transport, Allow: func(context.Context, *http.Request) error { return err }}}
	}
	failed := abi.Ready(trailersResult{IsErr: true, Err: contract.ErrorCodeHTTPResponseTimeout()})
	slow := newBackend(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	timeouts := func(set func(o *RequestOptions)) *RequestOptions {
		o := &RequestOptions{}
		set(o)
		return o
	}
	short := abi.Some(uint64(time.Millisecond))
	for name, test := range map[string]struct {
		client
		message
		want string
	}{
		"zero value":    {client{&wasihttp.Outgoing{}}, message{method: "GET", authority: at}, "HTTP-request-denied"},
		"denied":        {refuse(errcode.Denied), message{method: "GET", authority: at}, "HTTP-request-denied"},
		"denied by 0.2": {refuse(abi.Fail(older.ErrorCodeDestinationIPProhibited())), message{method: "GET", authority: at}, "destination-IP-prohibited"},
		"nobody":        {c, message{method: "GET", authority: "127.0.0.1:1"}, "connection-refused"},
		"user":          {c, message{method: "GET", authority: "me@" + at}, "HTTP-request-URI-invalid"},
		"relative":      {c, message{method: "GET", authority: at, path: "a/b"}, "HTTP-request-URI-invalid"},
		"bad length":    {c, message{method: "GET", authority: at, fields: map[string]string{"content-length": "-1"}}, "HTTP-protocol-error"},
		"no body":       {c, message{method: "POST", authority: at, fields: map[string]string{"content-length": "1"}}, "HTTP-request-body-size"},
		"too short":     {c, message{method: "POST", authority: at, fields: map[string]string{"content-length": "9"}, body: text("x")}, "HTTP-request-body-size"},
		"too long":      {c, message{method: "POST", authority: at, fields: map[string]string{"content-length": "2"}, body: text("long")}, "HTTP-request-body-size"},
		"trailers fail": {c, message{method: "POST", authority: at, body: text("x"), trailers: failed}, "HTTP-response-timeout"},
		"first byte": {c, message{method: "GET", authority: slow, options: timeouts(func(o *RequestOptions) {
			_ = o.SetFirstByteTimeout(t.Context(), short)
		})}, "connection-read-timeout"},
	} {
		a, sent := send(t, test.client, test.message)
		// A server may have answered when it had the bytes that were stated.
		if a.code != test.want && (name != "too long" || a.code != "") {
			t.Errorf("%s: %+v, want %q", name, a, test.want)
		}
		if how := settled(t, sent); how != test.want {
			t.Errorf("%s: transmission %q, want %q", name, how, test.want)
		}
		if n := test.out.InFlight(); n != 0 {
			t.Errorf("%s: %d requests are under way", name, n)
		}
	}
}

// TestClientBetweenBytes bounds the pauses within a response's body.
func TestClientBetweenBytes(t *testing.T) {
	c := newClient(t)
	at := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	o := &RequestOptions{}
	if err := o.SetBetweenBytesTimeout(t.Context(), abi.Some(uint64(20*time.Millisecond))); err != nil {
		t.Fatal(err)
	}
	a, _ := send(t, c, message{method: "GET", authority: at, options: o})
	if a.body != "begun" || codeOf(a.err).Case != contract.ErrorCodeCaseConnectionReadTimeout {
		t.Errorf("%+v, want a timeout after what was sent", a)
	}
	if n := c.out.InFlight(); n != 0 {
		t.Errorf("%d requests are under way", n)
	}
}

// TestClientLimitsAndDrops counts requests until nobody has anything of them.
func TestClientLimitsAndDrops(t *testing.T) {
	gone := make(chan struct{}, 4)
	at := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		gone <- struct{}{}
	})
	c := newClient(t)
	c.out.MaxInFlight = 1
	ctx := t.Context()
	for name, end := range map[string]func(p contract.Response){
		"drop": func(p contract.Response) { p.Drop(ctx) },
		"both ends": func(p contract.Response) {
			in, err := types.ResponseConsumeBody(ctx, p, ignored())
			if err != nil {
				t.Error(err)
			}
			p.Drop(ctx)
			in.F0.Close()
			in.F1.Close()
		},
	} {
		q, _ := message{method: "GET", authority: at}.make(t)
		call, cancel := context.WithCancel(ctx)
		p, err := c.Send(call, q)
		if err != nil {
			t.Fatal(err)
		}
		cancel() // the call is over, its response is not
		if a, sent := send(t, c, message{method: "GET", authority: at}); a.code != "connection-limit-reached" || settled(t, sent) != a.code {
			t.Errorf("%s: a second request: %+v", name, a)
		}
		select {
		case <-gone:
			t.Errorf("%s: the end of the call ended the response", name)
		default:
		}
		end(p)
		<-gone
		if n := c.out.InFlight(); n != 0 {
			t.Errorf("%s: %d requests are under way", name, n)
		}
	}
}

// TestClientCancelled ends a request with the call that made it.
func TestClientCancelled(t *testing.T) {
	reached, gone := make(chan struct{}), make(chan struct{})
	at := newBackend(t, func(_ http.ResponseWriter, r *http.Request) {
		close(reached)
		<-r.Context().Done()
		close(gone)
	})
	c := newClient(t)
	q, sent := message{method: "GET", authority: at}.make(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-reached
		cancel(errors.New("the guest cancelled"))
	}()
	if _, err := c.Send(ctx, q); err == nil || err.Error() != "the guest cancelled" {
		t.Errorf("send: %v", err)
	}
	<-gone
	if how := settled(t, sent); how == "" {
		t.Error("the transmission succeeded")
	}
	if n := c.out.InFlight(); n != 0 {
		t.Errorf("%d requests are under way", n)
	}
}

// TestClientEarlyResponse tells of a body that the server did not take.
func TestClientEarlyResponse(t *testing.T) {
	at := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	endless := newStreamFunc(func(_ context.Context, b []byte) (int, error) { return len(b), nil })
	q, sent := message{method: "POST", authority: at, body: abi.Some[abi.Stream[byte]](endless)}.make(t)
	c := newClient(t)
	p, err := c.Send(t.Context(), q)
	if err == nil {
		if status, _ := p.GetStatusCode(t.Context()); status != 413 {
			t.Errorf("status %d", status)
		}
		p.Drop(t.Context())
	}
	<-endless.closed
	if how := settled(t, sent); how == "" {
		t.Error("the transmission succeeded")
	}
	poll.Until(t, 10*time.Second, "the end of the request", func() (any, bool) { return c.out.InFlight(), c.out.InFlight() == 0 })
}

// TestProxy hands a request on as it was received, and its response back, both
// streamed.
func TestProxy(t *testing.T) {
	at := newBackend(t, echo)
	c := newClient(t)
	url, results := newServer(t, func(ctx context.Context, _ *guest, q contract.Request) (contract.Response, error) {
		if err := q.SetAuthority(ctx, abi.Some(at)); err != nil {
			return nil, err
		}
		return c.Send(ctx, q)
	})
	r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/p?q", io.MultiReader(strings.NewReader("through "), strings.NewReader("it all")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-a", "b")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if want := `POST /p?q b -1 map[] "through it all"`; err != nil || string(body) != want {
		t.Errorf("%q, %v; want %q", body, err, want)
	}
	if resp.Trailer.Get("x-sum") != "42" {
		t.Errorf("trailers %v", resp.Trailer)
	}
	if err := <-results; err != nil {
		t.Error(err)
	}
	if n := c.out.InFlight(); n != 0 {
		t.Errorf("%d requests are under way", n)
	}
}

// TestDroppedMessages tells whoever made a message that nobody sent it, and
// passes on what a guest thinks of one that it took.
func TestDroppedMessages(t *testing.T) {
	q, sent := message{method: "GET", authority: "a"}.make(t)
	q.Drop(t.Context())
	if how := settled(t, sent); how == "" {
		t.Error("a request that was dropped was transmitted")
	}
	body := &pieces{list: []string{"x"}, err: io.EOF}
	p, sent := respond(t, 200, nil, abi.Some[abi.Stream[byte]](body), noTrailers())
	in, err := types.ResponseConsumeBody(t.Context(), p, abi.Ready(outcome{IsErr: true, Err: contract.ErrorCodeLoopDetected()}))
	if err != nil {
		t.Fatal(err)
	}
	p.Drop(t.Context())
	if got, err := readAll(t.Context(), in.F0); err != nil || got != "x" {
		t.Errorf("body %q, %v", got, err)
	}
	if how := settled(t, sent); how != "loop-detected" {
		t.Errorf("transmission %q", how)
	}
	q, sent = message{method: "GET", authority: "a"}.make(t)
	sent.Close()
	told := &closer{}
	if _, err := types.RequestConsumeBody(t.Context(), q, told); err != nil || !told.closed {
		t.Errorf("the future for nobody stays open, %v", err)
	}
}

// closer is a future that notes whether it was closed.
type closer struct{ closed bool }

func (c *closer) Read(context.Context) (outcome, error) { return outcome{}, nil }
func (c *closer) Close()                                { c.closed = true }
