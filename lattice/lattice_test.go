package lattice_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
	"latticework/internal/leakcheck"
	"latticework/lattice"
	"latticework/lattice/membus"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestIDs(t *testing.T) {
	a, b := lattice.NewHostID(), lattice.NewHostID()
	if a == b || a.Validate() != nil {
		t.Fatal(a, b)
	}
	for _, bad := range []lattice.HostID{"", "x", "01arz3ndektsv4rrffq69g5fav", a + "0", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARZ3NDEKTSV4RRFFQ69G5FA*"} {
		if err := bad.Validate(); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "A1", "http-component", "a_b-c", "0"} {
		if err := lattice.ValidName("component", good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "-a", "a-", "a.b", "a b", "ä", "a*", ">", fmt.Sprintf("%064d", 0)} {
		if err := lattice.ValidName("component", bad); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestErrorsTravel(t *testing.T) {
	for _, err := range []error{
		errcode.New(errcode.Denied, "open: no").WithNext("ask"),
		lattice.Refuse(errcode.New(errcode.Exhausted, "links: 3 > 2")),
		fmt.Errorf("outer: %w", lattice.Refuse(errcode.New(errcode.Unavailable, "draining").WithNext("wait"))),
		context.DeadlineExceeded,
		errors.New("plain"),
	} {
		got := lattice.DecodeError(lattice.EncodeError(err))
		if errcode.Of(got) != errcode.Of(err) || got.Error() != err.Error() || errcode.NextOf(got) != errcode.NextOf(err) || lattice.IsRefused(got) != lattice.IsRefused(err) {
			t.Errorf("%v (%s) became %v (%s)", err, errcode.Of(err), got, errcode.Of(got))
		}
	}
	if lattice.Refuse(nil) != nil {
		t.Error("Refuse(nil) is not nil")
	}
	for _, data := range []string{"", "{", `{"code":"odd","msg":"m"}`, "null"} {
		if err := lattice.DecodeError([]byte(data)); !errors.Is(err, errcode.Internal) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestInvocationTravels(t *testing.T) {
	want := lattice.Invocation{ID: lattice.NewInvocationID(), Source: "counter", Target: "redis", LinkName: "default",
		Interface: "wasi:keyvalue/store@0.2.0-draft", Func: "[method]bucket.get", Generation: 1<<64 - 1, Handle: "h1", Trace: "00-x"}
	got, err := lattice.ParseInvocation(want.Header())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v %v", got, err)
	}
	small := lattice.Invocation{Target: "a", Func: "run"}
	if got, err := lattice.ParseInvocation(small.Header()); err != nil || got != small {
		t.Fatalf("got %+v %v", got, err)
	}
	for _, h := range []lattice.Header{nil, {"Lw-Tgt": "a"}, {"Lw-Fn": "i#f"}, {"Lw-Tgt": "a", "Lw-Fn": "f"}, {"Lw-Tgt": "a", "Lw-Fn": "#f", "Lw-Gen": "-1"}} {
		if _, err := lattice.ParseInvocation(h); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%v: %v", h, err)
		}
	}
}

func FuzzDecoders(f *testing.F) {
	f.Add([]byte(`{"code":"denied","msg":"m"}`), "Lw-Fn", "i#f")
	f.Fuzz(func(t *testing.T, data []byte, key, value string) {
		fuzzbound.Run(t, func() {
			if lattice.DecodeError(data) == nil {
				t.Error("nil error")
			}
			i, err := lattice.ParseInvocation(lattice.Header{"Lw-Tgt": "t", "Lw-Fn": "a#b", key: value})
			if err == nil {
				if again, err := lattice.ParseInvocation(i.Header()); err != nil || again != i {
					t.Errorf("%+v became %+v: %v", i, again, err)
				}
			}
		})
	})
}

func buses(t *testing.T) (a, b *membus.Bus) {
	t.Helper()
	n := membus.New(1)
	t.Cleanup(func() { n.Close() })
	a, err := n.Bus("a")
	if err != nil {
		t.Fatal(err)
	}
	if b, err = n.Bus("b"); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestInvoke(t *testing.T) {
	a, b := buses(t)
	host := lattice.NewHostID()
	entered, release := make(chan struct{}), make(chan struct{})
	if _, err := lattice.ServeInvocations(b, "test", host, 1, func(_ context.Context, i lattice.Invocation, params []byte) ([]byte, error) {
		if i.Func == "slow" {
			close(entered)
			<-release
		}
		return append(params, i.Func...), nil
	}); err != nil {
		t.Fatal(err)
	}
	inv := lattice.Invocation{Target: "t", Interface: "i", Func: "f"}
	out, err := lattice.Invoke(t.Context(), a, "test", host, inv, []byte("p."))
	if err != nil || string(out) != "p.f" {
		t.Fatalf("%q %v", out, err)
	}
	slow := make(chan error, 1)
	go func() {
		_, err := lattice.Invoke(t.Context(), a, "test", host, lattice.Invocation{Target: "t", Interface: "i", Func: "slow"}, nil)
		slow <- err
	}()
	<-entered
	if _, err := lattice.Invoke(t.Context(), a, "test", host, inv, nil); !errors.Is(err, errcode.Exhausted) || !lattice.IsRefused(err) {
		t.Errorf("above the limit: %v", err)
	}
	close(release)
	if err := <-slow; err != nil {
		t.Error(err)
	}
	if _, err := lattice.Invoke(t.Context(), a, "test", lattice.NewHostID(), inv, nil); !errors.Is(err, errcode.Unavailable) || !lattice.IsRefused(err) {
		t.Errorf("no such host: %v", err)
	}
}

// TestClientRepeats: a write that nobody received is repeated under the same
// id; one that may have been executed is not.
func TestClientRepeats(t *testing.T) {
	a, b := buses(t)
	c, err := lattice.NewClient(lattice.ClientConfig{Bus: a, Lattice: "test", Patience: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	if _, err := b.Subscribe(lattice.Subjects("test").Control(lattice.OpConfigPut), lattice.SubscribeOptions{Ordered: true},
		func(_ context.Context, m *lattice.Message) (lattice.Reply, error) {
			ids = append(ids, m.Header[lattice.HeaderRequest])
			switch len(ids) {
			case 1, 2:
				return lattice.Reply{}, lattice.Refuse(errcode.New(errcode.Unavailable, "this member does not lead"))
			case 3:
				return lattice.Reply{Data: []byte(`{"index":7}`)}, nil
			}
			return lattice.Reply{}, errcode.New(errcode.Unavailable, "the lead was lost meanwhile")
		}); err != nil {
		t.Fatal(err)
	}
	rep, err := c.PutConfig(t.Context(), lattice.PutConfigRequest{})
	if err != nil || rep.Index != 7 || len(ids) != 3 || ids[0] != ids[1] || ids[1] != ids[2] || ids[0] == "" {
		t.Fatalf("%+v %v, ids %v", rep, err, ids)
	}
	if _, err := c.PutConfig(t.Context(), lattice.PutConfigRequest{}); !errors.Is(err, errcode.Unavailable) || len(ids) != 4 {
		t.Fatalf("%v after %d requests", err, len(ids))
	}
	if ids[3] == ids[2] {
		t.Error("two writes have one id")
	}
	impatient, err := lattice.NewClient(lattice.ClientConfig{Bus: a, Lattice: "test", Patience: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := impatient.ListHosts(t.Context()); !errors.Is(err, errcode.Unavailable) {
		t.Error(err)
	}
	if _, err := lattice.NewClient(lattice.ClientConfig{Bus: a, Lattice: "a.b"}); !errors.Is(err, errcode.Invalid) {
		t.Error(err)
	}
}
