package lattice

import (
	"context"
	"strconv"

	"latticework/internal/errcode"
)

// Invocation addresses one call of a function on another host. It travels as
// headers; the payload is the parameters, the reply's the result, both in the
// value encoding. The deadline travels beside it, see HeaderTimeout.
type Invocation struct {
	ID         InvocationID // keys idempotency
	Source     string       // the calling component or provider
	Target     string       // the called component or provider
	LinkName   string       // "" when not over a link
	Interface  string       // qualified: "wasi:keyvalue/store@0.2.0-draft"; "" for a world's own function
	Func       string       // "open", "[method]bucket.get"
	Generation uint64       // of the link; 0 when not over a link
	Handle     string       // host-made name of the session that owns the handles in the payload; "" if none
	Trace      string       // W3C traceparent, "" if none
}

// The headers of an invocation.
const (
	headerID         = "Lw-Id"
	headerSource     = "Lw-Src"
	headerTarget     = "Lw-Tgt"
	headerLink       = "Lw-Link"
	headerFunc       = "Lw-Fn" // "interface#func"
	headerGeneration = "Lw-Gen"
	headerHandle     = "Lw-Hdl"
	headerTrace      = "Traceparent"
)

// Header returns the invocation as headers.
func (i Invocation) Header() Header {
	h := make(Header, 10) // room for the bus's own
	h[headerID] = string(i.ID)
	h[headerTarget] = i.Target
	h[headerFunc] = i.Interface + "#" + i.Func
	set := func(k, v string) {
		if v != "" {
			h[k] = v
		}
	}
	set(headerSource, i.Source)
	set(headerLink, i.LinkName)
	set(headerHandle, i.Handle)
	set(headerTrace, i.Trace)
	if i.Generation != 0 {
		h[headerGeneration] = strconv.FormatUint(i.Generation, 10)
	}
	return h
}

// ParseInvocation reads what Header wrote.
//
// Errors:
//   - ErrInvalid if the target or the function is missing or the generation
//     is not a number.
func ParseInvocation(h Header) (Invocation, error) {
	i := Invocation{
		ID: InvocationID(h[headerID]), Source: h[headerSource], Target: h[headerTarget],
		LinkName: h[headerLink], Handle: h[headerHandle], Trace: h[headerTrace],
	}
	fn := h[headerFunc]
	for n := len(fn) - 1; n >= 0; n-- {
		if fn[n] == '#' {
			i.Interface, i.Func = fn[:n], fn[n+1:]
			break
		}
	}
	if i.Target == "" || i.Func == "" {
		return Invocation{}, errcode.New(errcode.Invalid, "read invocation: target %q, function %q", i.Target, fn)
	}
	if g := h[headerGeneration]; g != "" {
		n, err := strconv.ParseUint(g, 10, 64)
		if err != nil {
			return Invocation{}, errcode.New(errcode.Invalid, "read invocation: generation %q is not a number", g)
		}
		i.Generation = n
	}
	return i, nil
}

// Invoke calls a function on host h and returns the result's bytes.
//
// Errors: those of Bus.Request. The caller may try another replica if the
// error is refused (IsRefused); any other may have been executed.
func Invoke(ctx context.Context, b Bus, s Subjects, h HostID, i Invocation, params []byte) ([]byte, error) {
	m, err := b.Request(ctx, s.Host(h, HostOpInvoke), i.Header(), params)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// InvokeHandler executes an invocation and returns the result's bytes.
type InvokeHandler func(ctx context.Context, i Invocation, params []byte) ([]byte, error)

// ServeInvocations serves the invocations addressed to host h, at most
// concurrency at once (0 means DefaultConcurrency); more are refused with
// ErrExhausted.
func ServeInvocations(b Bus, s Subjects, h HostID, concurrency int, fn InvokeHandler) (Subscription, error) {
	return b.Subscribe(s.Host(h, HostOpInvoke), SubscribeOptions{Concurrency: concurrency},
		func(ctx context.Context, m *Message) (Reply, error) {
			i, err := ParseInvocation(m.Header)
			if err != nil {
				return Reply{}, Refuse(err)
			}
			out, err := fn(ctx, i, m.Data)
			return Reply{Data: out}, err
		})
}
