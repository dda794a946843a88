package wasihttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

func allowAll(context.Context, *http.Request) error { return nil }

// newOutgoing returns a handler that may send to anyone.
func newOutgoing(t *testing.T) *Outgoing {
	t.Helper()
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &Outgoing{Transport: tr, Allow: allowAll}
}

// request makes a request to url.
func request(t *testing.T, method contract.Method, url string, h map[string]string) contract.OutgoingRequest {
	t.Helper()
	f := newFields()
	for name, v := range h {
		if err := f.Append(ctx, name, []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	q, err := types.NewOutgoingRequest(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	scheme, rest, _ := strings.Cut(url, "://")
	authority, path, slash := strings.Cut(rest, "/")
	s := contract.SchemeHTTP()
	if scheme == "https" {
		s = contract.SchemeHTTPS()
	}
	for what, err := range map[string]error{
		"method": q.SetMethod(ctx, method), "scheme": q.SetScheme(ctx, abi.Some(s)), "authority": q.SetAuthority(ctx, abi.Some(authority)),
	} {
		if err != nil {
			t.Fatalf("set %s: %v", what, err)
		}
	}
	if slash {
		if err := q.SetPathWithQuery(ctx, abi.Some("/"+path)); err != nil {
			t.Fatal(err)
		}
	}
	return q
}

// send hands q over and waits for the outcome.
func send(t *testing.T, o *Outgoing, q contract.OutgoingRequest, opts abi.Option[contract.RequestOptions]) (contract.IncomingResponse, string) {
	t.Helper()
	f, err := outgoingHandler{o}.Handle(ctx, q, opts)
	if err != nil {
		return nil, caseOf(err)
	}
	return await(t, f)
}

func await(t *testing.T, f contract.FutureIncomingResponse) (contract.IncomingResponse, string) {
	t.Helper()
	defer f.Drop(ctx)
	p, err := f.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Block(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := f.Get(ctx)
	if err != nil || !got.Some || got.Value.IsErr {
		t.Fatalf("get = %+v, %v", got, err)
	}
	if again, _ := f.Get(ctx); !again.Some || !again.Value.IsErr {
		t.Error("a response can be taken twice")
	}
	if got.Value.Ok.IsErr {
		return nil, got.Value.Ok.Err.Case.String()
	}
	return got.Value.Ok.Ok, ""
}

// consume reads a response to its end.
func consume(t *testing.T, resp contract.IncomingResponse) (string, contract.FutureTrailers, error) {
	t.Helper()
	body, err := resp.Consume(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s, err := body.Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	text, readErr := readAll(ctx, s)
	s.Drop(ctx)
	f, err := types.IncomingBodyFinish(ctx, body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Drop(ctx)
	return text, f, readErr
}

func none() abi.Option[contract.RequestOptions] { return abi.None[contract.RequestOptions]() }

func newBackend(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestOutgoingGet(t *testing.T) {
	url := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"User-Agent", "Accept-Encoding", "Content-Length"} {
			if v, ok := r.Header[name]; ok {
				t.Errorf("%s %q that the guest did not set", name, v)
			}
		}
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(203)
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Header.Get("X-Asked"))
		w.Header().Set("X-Sum", "7")
	})
	o := newOutgoing(t)
	resp, code := send(t, o, request(t, contract.MethodOther("REPORT"), url+"//a%2Fb?c=d", map[string]string{"x-asked": "q"}), none())
	if code != "" {
		t.Fatal(code)
	}
	status, _ := resp.Status(ctx)
	h, _ := resp.Headers(ctx)
	if got := values(t, h, "x-two"); status != 203 || strings.Join(got, ",") != "1,2" {
		t.Errorf("status %d, x-two %q", status, got)
	}
	text, trailers, err := consume(t, resp)
	if err != nil || text != "REPORT //a%2Fb?c=d q" {
		t.Errorf("body %q, %v", text, err)
	}
	got, _ := trailers.Get(ctx)
	if !got.Some || got.Value.IsErr || !got.Value.Ok.Ok.Some {
		t.Fatalf("trailers %+v", got)
	}
	if v := values(t, got.Value.Ok.Ok.Value, "x-sum"); len(v) != 1 || v[0] != "7" {
		t.Errorf("trailer x-sum %q", v)
	}
	trailers.Drop(ctx)
	if n := o.InFlight(); n != 0 {
		t.Errorf("%d requests under way after the last one", n)
	}
}

// TestOutgoingBody covers a body written before and after the request is sent,
// with and without a length, and trailers.
func TestOutgoingBody(t *testing.T) {
	url := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("backend: %v", err)
		}
		_, _ = io.WriteString(w, strings.Join([]string{http.StatusText(200), string(b), r.Header.Get("Content-Length"), r.Trailer.Get("X-Sum")}, "|"))
	})
	tests := map[string]struct {
		length, announce string
		before, after    []string
		trailers         bool
		want             string
	}{
		"before":            {"", "", []string{"one", "two"}, nil, false, "OK|onetwo||"},
		"after":             {"", "", nil, []string{"one", "two"}, false, "OK|onetwo||"},
		"both with length":  {"6", "", []string{"one"}, []string{"two"}, false, "OK|onetwo|6|"},
		"empty with length": {"0", "", nil, nil, false, "OK||0|"},
		"trailers":          {"", "", nil, []string{"x"}, true, "OK|x||7"},
		"named trailers":    {"", "x-sum, x-more", nil, []string{"x"}, true, "OK|x||7"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := map[string]string{}
			if test.length != "" {
				h["content-length"] = test.length
			}
			if test.announce != "" {
				h["trailer"] = test.announce
			}
			q := request(t, contract.MethodPost(), url+"/", h)
			body, err := q.Body(ctx)
			if err != nil {
				t.Fatal(err)
			}
			s, err := body.Write(ctx)
			if err != nil {
				t.Fatal(err)
			}
			write := func(pieces []string) {
				for _, p := range pieces {
					if err := s.BlockingWriteAndFlush(ctx, []byte(p)); err != nil {
						t.Fatal(err)
					}
				}
			}
			write(test.before)
			f, err := outgoingHandler{newOutgoing(t)}.Handle(ctx, q, none())
			if err != nil {
				t.Fatal(err)
			}
			write(test.after)
			s.Drop(ctx)
			trailers := abi.None[contract.Fields]()
			if test.trailers {
				fs := newFields()
				_ = fs.Append(ctx, "x-sum", []byte("7"))
				trailers = abi.Some[contract.Fields](fs)
			}
			if err := types.OutgoingBodyFinish(ctx, body, trailers); err != nil {
				t.Fatal(err)
			}
			resp, code := await(t, f)
			if code != "" {
				t.Fatal(code)
			}
			text, ft, err := consume(t, resp)
			ft.Drop(ctx)
			if err != nil || text != test.want {
				t.Errorf("backend saw %q, want %q; %v", text, test.want, err)
			}
		})
	}
}

// TestOutgoingBigBody checks that a body larger than every buffer flows while
// the other side reads, and that a poll tells when there is room.
func TestOutgoingBigBody(t *testing.T) {
	const size = 4 << 20
	url := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != size {
			t.Errorf("backend read %d bytes, %v", n, err)
		}
	})
	q := request(t, contract.MethodPost(), url, nil)
	body, _ := q.Body(ctx)
	s, _ := body.Write(ctx)
	f, err := outgoingHandler{newOutgoing(t)}.Handle(ctx, q, none())
	if err != nil {
		t.Fatal(err)
	}
	for left := uint64(size); left > 0; {
		n, err := s.CheckWrite(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			p, _ := s.Subscribe(ctx)
			if err := p.Block(ctx); err != nil {
				t.Fatal(err)
			}
			continue
		}
		n = min(n, left)
		if err := s.WriteZeroes(ctx, n); err != nil {
			t.Fatal(err)
		}
		left -= n
	}
	s.Drop(ctx)
	if err := types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]()); err != nil {
		t.Fatal(err)
	}
	resp, code := await(t, f)
	if code != "" {
		t.Fatal(code)
	}
	resp.Drop(ctx)
}

func TestOutgoingRefusals(t *testing.T) {
	o := newOutgoing(t)
	get := func(url string, h map[string]string) contract.OutgoingRequest {
		return request(t, contract.MethodGet(), url, h)
	}
	bare, _ := types.NewOutgoingRequest(ctx, newFields())
	ftp := get("http://a/", nil)
	_ = ftp.SetScheme(ctx, abi.Some(contract.SchemeOther("ftp")))
	badEscape := get("http://a/", nil)
	_ = badEscape.SetPathWithQuery(ctx, abi.Some("/%zz"))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	tests := map[string]struct {
		o    *Outgoing
		q    contract.OutgoingRequest
		want string
	}{
		"zero value": {&Outgoing{}, get("http://a/", nil), "HTTP-request-denied"},
		"no allow":   {&Outgoing{Transport: o.Transport}, get("http://a/", nil), "HTTP-request-denied"},
		"denied":     {&Outgoing{Transport: o.Transport, Allow: func(context.Context, *http.Request) error { return errcode.Denied }}, get("http://a/", nil), "HTTP-request-denied"},
		"denied by code": {&Outgoing{Transport: o.Transport, Allow: func(context.Context, *http.Request) error {
			return abi.Fail(contract.ErrorCodeDestinationIPProhibited())
		}}, get("http://a/", nil), "destination-IP-prohibited"},
		"no authority": {o, bare, "HTTP-request-URI-invalid"},
		"scheme":       {o, ftp, "HTTP-protocol-error"},
		"escape":       {o, badEscape, "HTTP-request-URI-invalid"},
		"no body":      {o, get("http://a/", map[string]string{"content-length": "3"}), "HTTP-request-body-size"},
		"bad length":   {o, get("http://a/", map[string]string{"content-length": "x"}), "HTTP-protocol-error"},
		"refused":      {o, get("http://"+closed.Addr().String()+"/", nil), "connection-refused"},
	}
	for name, test := range tests {
		if _, code := send(t, test.o, test.q, none()); code != test.want {
			t.Errorf("%s: code %q, want %q", name, code, test.want)
		}
		if n := test.o.InFlight(); n != 0 {
			t.Errorf("%s: %d requests under way", name, n)
		}
	}
}

func TestOutgoingBodyOfWrongLength(t *testing.T) {
	url := newBackend(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for name, pieces := range map[string][]string{"short": {"ab"}, "long": {"abc", "d"}} {
		q := request(t, contract.MethodPost(), url, map[string]string{"content-length": "3"})
		body, _ := q.Body(ctx)
		s, _ := body.Write(ctx)
		f, err := outgoingHandler{newOutgoing(t)}.Handle(ctx, q, none())
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for _, p := range pieces {
			last = s.Write(ctx, []byte(p))
		}
		if name == "long" {
			if code := codeIn(t, last); code.Case != contract.ErrorCodeCaseHTTPRequestBodySize {
				t.Errorf("long: the stream fails with %s", code.Case)
			}
		}
		s.Drop(ctx)
		if err := types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]()); caseOf(err) != "HTTP-request-body-size" {
			t.Errorf("%s: finish = %v", name, err)
		}
		if _, code := await(t, f); code != "HTTP-request-body-size" {
			t.Errorf("%s: response code %q", name, code)
		}
	}
}

func TestOutgoingTimeouts(t *testing.T) {
	release := make(chan struct{})
	url := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "part")
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	})
	t.Cleanup(func() { close(release) })
	opts := func(set func(*RequestOptions)) abi.Option[contract.RequestOptions] {
		o := &RequestOptions{}
		set(o)
		return abi.Some[contract.RequestOptions](o)
	}
	short := abi.Some(uint64(30 * time.Millisecond))
	first := opts(func(o *RequestOptions) { _ = o.SetFirstByteTimeout(ctx, short) })
	if _, code := send(t, newOutgoing(t), request(t, contract.MethodGet(), url+"/head", nil), first); code != "connection-read-timeout" {
		t.Errorf("no first byte: code %q", code)
	}
	between := opts(func(o *RequestOptions) { _ = o.SetBetweenBytesTimeout(ctx, short) })
	resp, code := send(t, newOutgoing(t), request(t, contract.MethodGet(), url+"/body", nil), between)
	if code != "" {
		t.Fatal(code)
	}
	text, ft, err := consume(t, resp)
	ft.Drop(ctx)
	if code := codeIn(t, err); text != "part" || code.Case != contract.ErrorCodeCaseConnectionReadTimeout {
		t.Errorf("between bytes: %q, code %s", text, code.Case)
	}
	dialing := newOutgoing(t)
	dialing.ConnectTimeout = 30 * time.Millisecond
	dialing.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		<-release
		return nil, errcode.Unavailable
	}}
	if _, code := send(t, dialing, request(t, contract.MethodGet(), url, nil), none()); code != "connection-timeout" {
		t.Errorf("no connection: code %q", code)
	}
}

// blockedTransport answers when its request is given up.
type blockedTransport struct{}

func (blockedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestOutgoingLimitsAndDrop(t *testing.T) {
	var said error
	o := &Outgoing{Transport: blockedTransport{}, Allow: allowAll, MaxInFlight: 2, Limited: func(err error) { said = err }}
	q := func() contract.OutgoingRequest { return request(t, contract.MethodGet(), "http://a/", nil) }
	a, err := outgoingHandler{o}.Handle(ctx, q(), none())
	if err != nil {
		t.Fatal(err)
	}
	call, cancel := context.WithCancel(ctx)
	b, err := outgoingHandler{o}.Handle(call, q(), none())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (outgoingHandler{o}).Handle(ctx, q(), none()); caseOf(err) != "connection-limit-reached" {
		t.Errorf("a third request: %v", err)
	}
	if !errors.Is(said, errcode.Exhausted) || !strings.Contains(said.Error(), "3 > 2") {
		t.Errorf("the host is told %v", said)
	}
	if got, _ := a.Get(ctx); got.Some {
		t.Errorf("get while waiting: %+v", got)
	}
	a.Drop(ctx)
	if n := o.InFlight(); n != 1 {
		t.Errorf("%d requests under way after a drop, want 1", n)
	}
	cancel()
	if _, code := await(t, b); code == "" {
		t.Error("the end of the call that made a request did not end it")
	}
	if n := o.InFlight(); n != 0 {
		t.Errorf("%d requests under way at the end", n)
	}
}

func TestOutgoingResponseDroppedUnread(t *testing.T) {
	gone := make(chan struct{})
	url := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	})
	o := newOutgoing(t)
	resp, code := send(t, o, request(t, contract.MethodGet(), url, nil), none())
	if code != "" {
		t.Fatal(code)
	}
	resp.Drop(ctx)
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection of a dropped response stays open")
	}
	if n := o.InFlight(); n != 0 {
		t.Errorf("%d requests under way", n)
	}
}
