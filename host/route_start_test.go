package host

import (
	"context"
	"errors"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// owned notes the owner of the handles that a call makes.
type owned struct {
	abi.Handles
	owner abi.Owner
}

func (o *owned) SetOwner(to abi.Owner) { o.owner = to }

// TestStartedCallsHoldTheirGate: a function that goes on in Go is open on its
// gate until it has ended, however it ends, and within the link's policy.
func TestStartedCallsHoldTheirGate(t *testing.T) {
	codec, err := abi.CompileFunc(&wit.FuncType{Async: true, Result: &wit.Type{Kind: wit.KindResult, Err: wit.Primitive(wit.KindString)}})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	boom := errcode.New(errcode.Unavailable, "nobody there")
	waits := func(ctx context.Context) (abi.Answer, error) {
		<-ctx.Done()
		return abi.Answer{}, context.Cause(ctx)
	}
	for name, c := range map[string]struct {
		start   func(context.Context, *abi.Call) (abi.Work, error)
		ctx     context.Context // that the work has
		timeout uint32
		fails   error  // of the work
		says    string // in the function's own error
	}{
		"done at once": {start: func(context.Context, *abi.Call) (abi.Work, error) { return nil, nil }},
		"refused":      {start: func(context.Context, *abi.Call) (abi.Work, error) { return nil, boom }, says: "nobody there"},
		"works": {start: func(context.Context, *abi.Call) (abi.Work, error) {
			return func(context.Context) (abi.Answer, error) { return abi.Answer{}, nil }, nil
		}},
		"fails": {start: func(context.Context, *abi.Call) (abi.Work, error) {
			return func(context.Context) (abi.Answer, error) { return abi.Answer{}, boom }, nil
		}, says: "nobody there"},
		"cancelled": {start: func(context.Context, *abi.Call) (abi.Work, error) { return waits, nil }, ctx: ended, fails: context.Canceled},
		"late":      {start: func(context.Context, *abi.Call) (abi.Work, error) { return waits, nil }, timeout: 20, says: "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gate{}
			g.policy.Store(&linkstate.Policy{TimeoutMillis: c.timeout})
			r := &route{gate: g}
			r.calls.Store(&[]callee{{start: c.start}})
			b := &binding{decl: &abi.Interface{}, funcs: []boundFunc{{codec: codec, handle: -1, fail: newFailure(codec)}}}
			b.current.Store(r)
			heap := &bump{mem: make([]byte, 1<<12), top: 16}
			handles := &owned{}
			call := &abi.Call{Mem: abi.Mem{Data: heap.mem, Alloc: heap, Handles: handles}, Result: make([]byte, codec.Result.Size())}
			work, err := b.start(t.Context(), call, 0)
			if err != nil {
				t.Fatal(err)
			}
			if handles.owner != g {
				t.Errorf("handles are made under %v", handles.owner)
			}
			if work != nil {
				if n, _ := g.counts(); n != 1 {
					t.Errorf("%d calls are open while it works, want 1", n)
				}
				ctx := c.ctx
				if ctx == nil {
					ctx = t.Context()
				}
				answer, err := work(ctx)
				if !errors.Is(err, c.fails) {
					t.Fatalf("the work ended with %v, want %v", err, c.fails)
				}
				if answer.Store != nil {
					if err := answer.Store(call); err != nil {
						t.Fatal(err)
					}
				}
			}
			if n, _ := g.counts(); n != 0 {
				t.Errorf("%d calls are open at the end", n)
			}
			res, _ := codec.Result.Load(&call.Mem, call.Result).(value.Result)
			if shown := value.Format(codec.Type.Result, res); res.IsErr != (c.says != "") || !strings.Contains(shown, c.says) {
				t.Errorf("result %s, want %q", shown, c.says)
			}
		})
	}
}
