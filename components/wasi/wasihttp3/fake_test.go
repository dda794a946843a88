package wasihttp3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/wit"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

var types = Types{}

// handleFunc is a handler in Go.
type handleFunc = func(ctx context.Context, g *guest, q contract.Request) (contract.Response, error)

// guest is a component whose handler is a Go function. It is its own exporter,
// instance and table of handles.
type guest struct {
	handle handleFunc
	// after is what the guest goes on doing once it answered; nil for nothing.
	after func(ctx context.Context) error
	reps  []any
}

func (g *guest) Name() string        { return "handle" }
func (g *guest) Type() *wit.FuncType { return contract.BindHandler(nil).Funcs[0].Type }

func (g *guest) Export(string, string) (abi.ExportedFunc, error) { return g, nil }

// Invoke implements [abi.Invoker]. An error code of handle has no payload.
func (g *guest) Invoke(ctx context.Context, _ abi.ExportedFunc, lower, lift func(*abi.Call) error) error {
	g.reps = nil
	c := &abi.Call{Params: make([]byte, 4), Result: make([]byte, 64)}
	c.Handles = g
	if err := lower(c); err != nil {
		return err
	}
	p, err := g.handle(ctx, g, g.reps[0].(contract.Request))
	var code *abi.Failure[contract.ErrorCode]
	switch {
	case errors.As(err, &code):
		c.Result[0], c.Result[8] = 1, byte(code.Value.Case)
	case err != nil:
		return err
	default:
		g.reps = append(g.reps, p)
		c.Result[8] = byte(len(g.reps))
	}
	return lift(c)
}

// Drive implements [Guest].
func (g *guest) Drive(ctx context.Context, f func(ctx context.Context) error) error {
	if f == nil {
		if g.after == nil {
			return nil
		}
		return g.after(ctx)
	}
	var join sync.WaitGroup
	var err error
	join.Go(func() { err = f(ctx) })
	join.Wait()
	return err
}

// Along implements [Guest]. What it writes is of Go: nothing is driven.
func (g *guest) Along(ctx context.Context, _ func(), f func(ctx context.Context) error) error {
	return f(ctx)
}

func (g *guest) LiftOwn(i uint32, _ *wit.Resource) (any, error) { return g.reps[i-1], nil }
func (g *guest) LiftBorrow(uint32, *wit.Resource) (any, error)  { return nil, errcode.Unsupported }
func (g *guest) LowerOwn(rep any, _ *wit.Resource) (uint32, error) {
	g.reps = append(g.reps, rep)
	return uint32(len(g.reps)), nil
}
func (g *guest) LowerBorrow(any, *wit.Resource) (uint32, error) { return 0, errcode.Unsupported }
func (g *guest) Owner(uint32) abi.Owner                         { return nil }
func (g *guest) SetOwner(abi.Owner)                             {}

// newServer serves h over HTTP; results gets what Serve returned for each
// request. Like any caller of Serve it answers or aborts on an error, and lets
// the guest go on once it answered.
func newServer(t testing.TB, h handleFunc) (url string, results chan error) {
	t.Helper()
	results = make(chan error, 64)
	var work sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := &guest{handle: h}
		exports, err := contract.ResolveHandler(g)
		if err == nil {
			ctx, left := context.WithCancelCause(context.WithoutCancel(r.Context()))
			follow := context.AfterFunc(r.Context(), func() { left(context.Cause(r.Context())) })
			err = Serve(ctx, g, exports, w, r, func() { follow() })
			if g.after != nil {
				work.Go(func() { _ = g.Drive(ctx, nil) })
			}
		}
		results <- err
		var e *wasihttp.Error
		if errors.As(err, &e) {
			if e.HeadSent {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(e.Status)
		}
	}))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		srv.Close()
		work.Wait()
	})
	return srv.URL, results
}

// pieces is a stream of pieces, and then of err, which is io.EOF for its end.
type pieces struct {
	list   []string
	err    error
	mu     sync.Mutex
	closed bool // guarded by mu
}

func (p *pieces) Read(_ context.Context, b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return 0, errcode.New(errcode.Closed, "the stream was closed")
	case len(p.list) == 0:
		return 0, p.err
	}
	n := copy(b, p.list[0])
	if p.list[0] = p.list[0][n:]; p.list[0] == "" {
		p.list = p.list[1:]
	}
	return n, nil
}

func (p *pieces) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// text is a stream of pieces that ends.
func text(list ...string) abi.Option[abi.Stream[byte]] {
	return abi.Some[abi.Stream[byte]](&pieces{list: list, err: io.EOF})
}

func noBody() abi.Option[abi.Stream[byte]] { return abi.None[abi.Stream[byte]]() }

// streamFunc is a stream that a function reads; closed tells when it is given
// up, and is closed by the first Close.
type streamFunc struct {
	read   func(ctx context.Context, b []byte) (int, error)
	closed chan struct{}
	once   sync.Once
}

func newStreamFunc(read func(ctx context.Context, b []byte) (int, error)) *streamFunc {
	return &streamFunc{read: read, closed: make(chan struct{})}
}

func (s *streamFunc) Read(ctx context.Context, b []byte) (int, error) { return s.read(ctx, b) }
func (s *streamFunc) Close()                                          { s.once.Do(func() { close(s.closed) }) }

// noTrailers is a future of no trailers.
func noTrailers() abi.Future[trailersResult] { return abi.Ready(trailersResult{}) }

// fieldsOf returns mutable fields.
func fieldsOf(t testing.TB, entries map[string]string) contract.Fields {
	t.Helper()
	f := newFields()
	for name, v := range entries {
		if err := f.Append(context.Background(), name, []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// trailersOf is a future of trailers.
func trailersOf(t testing.TB, entries map[string]string) abi.Future[trailersResult] {
	return abi.Ready(trailersResult{Ok: abi.Some(fieldsOf(t, entries))})
}

// respond makes a response and returns the future of its transmission too.
func respond(t testing.TB, status uint16, entries map[string]string, body abi.Option[abi.Stream[byte]], trailers abi.Future[trailersResult]) (contract.Response, abi.Future[outcome]) {
	t.Helper()
	made, err := types.ResponseNew(context.Background(), fieldsOf(t, entries), body, trailers)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.F0.SetStatusCode(context.Background(), status); err != nil {
		t.Errorf("set status %d: %v", status, err)
	}
	return made.F0, made.F1
}

// readAll reads a stream to its end, in small pieces.
func readAll(ctx context.Context, s abi.Stream[byte]) (string, error) {
	var all []byte
	var b [7]byte
	for {
		n, err := s.Read(ctx, b[:])
		all = append(all, b[:n]...)
		if err == io.EOF {
			return string(all), nil
		}
		if err != nil {
			return string(all), err
		}
	}
}

// ignored is the future that a guest gives to consume-body.
func ignored() abi.Future[outcome] { return abi.Ready(outcome{}) }

// settled returns how a transmission ended: "" for well.
func settled(t *testing.T, f abi.Future[outcome]) string {
	t.Helper()
	v, err := f.Read(t.Context())
	if err != nil {
		t.Fatalf("the transmission is not resolved: %v", err)
	}
	if v.IsErr {
		return v.Err.Case.String()
	}
	return ""
}
