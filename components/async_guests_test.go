package components_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/refdata"
	"latticework/wit"
	"latticework/wit/value"
)

const asyncOps = "demo:async3/ops@0.1.0"

// TestAsyncGuest calls a JavaScript guest whose functions are async and pass a
// future and streams of strings, and compares with what another runtime
// printed.
func TestAsyncGuest(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/expected"), "p3-async-qjs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	in := acquire(t, compileGuest(t, components.EngineConfig{}, "p3-async-qjs"))
	ctx := t.Context()
	var out strings.Builder

	v, err := in.Call(ctx, asyncOps, "greet", value.String("P3"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&out, v)

	if v, err = in.Call(ctx, asyncOps, "later", value.U32(41)); err != nil {
		t.Fatal(err)
	}
	future := v.(value.Async).Rep.(*components.FutureReader)
	err = in.Drive(ctx, func(ctx context.Context) error {
		v, err := future.Read(ctx)
		fmt.Fprintln(&out, "later FutureValue {}", v)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	if err := uppercase(ctx, in, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("answered\n%swant\n%s", out.String(), want)
	}
	if err := in.Drive(ctx, nil); err != nil {
		t.Errorf("let the tasks end: %v", err)
	}
}

// uppercase sends strings through the guest.
func uppercase(ctx context.Context, in *components.Instance, out *strings.Builder) error {
	w, r := components.NewStream(wit.Primitive(wit.KindString))
	v, err := in.Call(ctx, asyncOps, "uppercase", value.Async{Rep: r})
	if err != nil {
		return err
	}
	upper := v.(value.Async).Rep.(*components.StreamReader)
	return in.Drive(ctx, func(ctx context.Context) error {
		done := make(chan error, 1)
		go func() {
			defer w.Close()
			_, err := w.WriteValues(ctx, value.String("a"), value.String("bc"))
			done <- err
		}()
		for {
			vs, err := upper.ReadValues(ctx, 16)
			if err == io.EOF {
				return <-done
			}
			if err != nil {
				return err
			}
			for _, v := range vs {
				fmt.Fprintln(out, "up", v)
			}
		}
	})
}

func acquire(t testing.TB, c *components.Component) *components.Instance {
	t.Helper()
	system, err := wasi.Open(wasi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = system.Close() })
	tmpl, err := c.Link(components.LinkConfig{Interfaces: system.Interfaces()})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Release(context.Background()) })
	return in
}
