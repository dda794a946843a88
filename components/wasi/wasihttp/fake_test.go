package wasihttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/wit"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

var types = Types{}

// guest is a component whose incoming-handler is a Go function. It is its own
// exporter, instance and table of handles.
type guest struct {
	handle func(ctx context.Context, g *guest, request contract.IncomingRequest, out contract.ResponseOutparam) error
	reps   []any
}

func (g *guest) Name() string        { return "handle" }
func (g *guest) Type() *wit.FuncType { return contract.BindIncomingHandler(nil).Funcs[0].Type }

func (g *guest) Export(string, string) (abi.ExportedFunc, error) { return g, nil }

func (g *guest) Invoke(ctx context.Context, _ abi.ExportedFunc, lower, lift func(*abi.Call) error) error {
	g.reps = nil
	c := &abi.Call{Params: make([]byte, 8)}
	c.Handles = g
	if err := lower(c); err != nil {
		return err
	}
	if err := g.handle(ctx, g, g.reps[0].(contract.IncomingRequest), g.reps[1].(contract.ResponseOutparam)); err != nil {
		return err
	}
	return lift(c)
}

func (g *guest) LiftOwn(uint32, *wit.Resource) (any, error)    { return nil, errcode.Unsupported }
func (g *guest) LiftBorrow(uint32, *wit.Resource) (any, error) { return nil, errcode.Unsupported }
func (g *guest) LowerOwn(rep any, _ *wit.Resource) (uint32, error) {
	g.reps = append(g.reps, rep)
	return uint32(len(g.reps)), nil
}

func (g *guest) LowerBorrow(any, *wit.Resource) (uint32, error) { return 0, errcode.Unsupported }
func (g *guest) Owner(uint32) abi.Owner                         { return nil }
func (g *guest) SetOwner(abi.Owner)                             {}

type handleFunc = func(ctx context.Context, g *guest, q contract.IncomingRequest, out contract.ResponseOutparam) error

// newServer serves h over HTTP; results gets what Serve returned for each
// request. Like any caller of Serve it answers or aborts on an error.
func newServer(t testing.TB, h handleFunc) (url string, results chan error) {
	t.Helper()
	results = make(chan error, 16)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(r.Context(), h, w, r, results)
	}))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		srv.Close()
	})
	return srv.URL, results
}

func answer(ctx context.Context, h handleFunc, w http.ResponseWriter, r *http.Request, results chan error) {
	g := &guest{handle: h}
	exp, err := contract.ResolveIncomingHandler(g)
	if err != nil {
		results <- err
		return
	}
	err = Serve(ctx, g, exp, w, r)
	results <- err
	var e *Error
	if errors.As(err, &e) {
		if e.HeadSent {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(e.Status)
	}
}

// respond answers with status and entries, and the body in the pieces given.
func respond(ctx context.Context, out contract.ResponseOutparam, status uint16, entries map[string]string, pieces ...string) error {
	f := newFields()
	for name, v := range entries {
		if err := f.Append(ctx, name, []byte(v)); err != nil {
			return err
		}
	}
	resp, err := types.NewOutgoingResponse(ctx, f)
	if err != nil {
		return err
	}
	if err := resp.SetStatusCode(ctx, status); err != nil {
		return err
	}
	body, err := resp.Body(ctx)
	if err != nil {
		return err
	}
	if err := set(ctx, out, resp); err != nil {
		return err
	}
	if err := writeAll(ctx, body, pieces...); err != nil {
		return err
	}
	return types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]())
}

func set(ctx context.Context, out contract.ResponseOutparam, resp contract.OutgoingResponse) error {
	return types.ResponseOutparamSet(ctx, out, abi.Result[contract.OutgoingResponse, contract.ErrorCode]{Ok: resp})
}

func writeAll(ctx context.Context, body contract.OutgoingBody, pieces ...string) error {
	s, err := body.Write(ctx)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		if err := s.BlockingWriteAndFlush(ctx, []byte(p)); err != nil {
			return err
		}
	}
	s.Drop(ctx)
	return nil
}

// readAll reads a stream to its end.
func readAll(ctx context.Context, s wasiio.InputStream) (string, error) {
	var all []byte
	for {
		b, err := s.BlockingRead(ctx, 1<<20)
		all = append(all, b...)
		if err != nil {
			if f := streamError(err); f != nil && f.Case == wasiio.StreamErrorCaseClosed {
				err = nil
			}
			return string(all), err
		}
	}
}

// streamError returns the stream error in err, nil if it is another failure.
func streamError(err error) *wasiio.StreamError {
	var f *abi.Failure[wasiio.StreamError]
	if !errors.As(err, &f) {
		return nil
	}
	return &f.Value
}

// codeIn returns the error code that a stream failed with.
func codeIn(t *testing.T, err error) contract.ErrorCode {
	t.Helper()
	se := streamError(err)
	if se == nil || se.Case != wasiio.StreamErrorCaseLastOperationFailed {
		t.Fatalf("error %v is no failed stream", err)
	}
	code, err := types.HttpErrorCode(context.Background(), se.LastOperationFailed)
	if err != nil || !code.Some {
		t.Fatalf("http-error-code = %v, %v", code, err)
	}
	return code.Value
}

// caseOf returns the error code that err carries as an error case.
func caseOf(err error) string {
	var f *abi.Failure[contract.ErrorCode]
	if !errors.As(err, &f) {
		return ""
	}
	return f.Value.Case.String()
}

// get sends a request and returns its response and body.
func do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func newRequest(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var _ wasiio.Error = (*streams.Error)(nil)
