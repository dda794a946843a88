package config_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/providers/config"
	"latticework/wit/abi"
	"latticework/wit/value"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func link(t *testing.T, values map[string]string, interfaces ...string) *config.Session {
	t.Helper()
	p, err := config.New(providers.Setup{Name: "settings"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Link(t.Context(), providers.Link{Source: "a", Target: "settings", Config: values, Interfaces: interfaces})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*config.Session)
}

// call makes a call as a guest on another host does.
func call(t *testing.T, i *abi.Interface, name string, args ...string) *value.Decoder {
	t.Helper()
	var in, out value.Encoder
	for _, a := range args {
		in.PutString(a)
	}
	for _, f := range i.Funcs {
		if f.Name != name {
			continue
		}
		if err := f.Wire(t.Context(), &abi.WireCall{In: value.NewDecoder(in.Buf), Out: &out}); err != nil {
			t.Fatal(err)
		}
		d := value.NewDecoder(out.Buf)
		if d.Disc(2) != 0 {
			t.Fatalf("%s answered with an error", name)
		}
		return d
	}
	t.Fatalf("no function %s", name)
	return nil
}

func TestBothVersionsServeTheSettings(t *testing.T) {
	s := link(t, map[string]string{"greeting": "bonjour", "bucket": "hits", "empty": ""})
	if len(s.Interfaces()) != 2 {
		t.Fatalf("%d interfaces, want 2", len(s.Interfaces()))
	}
	for _, i := range s.Interfaces() {
		if d := call(t, i, "get", "greeting"); d.Disc(2) != 1 || d.String() != "bonjour" || d.Finish() != nil {
			t.Errorf("%s: greeting is not bonjour", i.Name)
		}
		if d := call(t, i, "get", "empty"); d.Disc(2) != 1 || d.String() != "" || d.Finish() != nil {
			t.Errorf("%s: empty is not the empty text", i.Name)
		}
		if d := call(t, i, "get", "Greeting"); d.Disc(2) != 0 || d.Finish() != nil {
			t.Errorf("%s: a setting that is not there has a value", i.Name)
		}
		d, got := call(t, i, "get-all"), ""
		for range d.Len(2) {
			got += d.String() + "=" + d.String() + ";"
		}
		if want := "bucket=hits;empty=;greeting=bonjour;"; got != want || d.Finish() != nil {
			t.Errorf("%s: all settings: %q, want %q", i.Name, got, want)
		}
	}
}

func TestLinkNamesTheVersion(t *testing.T) {
	s := link(t, nil, config.DraftName)
	if i := s.Interfaces(); len(i) != 1 || i[0].Name != config.DraftName {
		t.Errorf("interfaces: %v", i)
	}
	p, _ := config.New(providers.Setup{Name: "settings"})
	_, err := p.Link(t.Context(), providers.Link{Source: "a", Target: "settings", Interfaces: []string{"wasi:config/store@0.3.0"}})
	if errcode.Of(err) != errcode.Unsupported {
		t.Errorf("another version: %v, want unsupported", err)
	}
	if _, err := config.New(providers.Setup{Name: "settings", Config: map[string]string{"a": "b"}}); errcode.Of(err) != errcode.Invalid {
		t.Errorf("settings of the provider: %v, want invalid", err)
	}
}

func TestUpdateIsSeenWholeOrNotAtAll(t *testing.T) {
	given := map[string]string{"a": "0", "b": "0"}
	values := config.NewValues(given)
	given["a"] = "changed by its owner"
	var g errgroup.Group
	stop := make(chan struct{})
	for range 4 {
		g.Go(func() error {
			for {
				select {
				case <-stop:
					return nil
				default:
				}
				all, err := values.GetAll(context.Background())
				if err != nil || len(all) != 2 || all[0].F1 != all[1].F1 {
					return fmt.Errorf("read %v, %v", all, err)
				}
			}
		})
	}
	for i := range 2000 {
		v := strconv.Itoa(i)
		values.Replace(map[string]string{"a": v, "b": v})
	}
	close(stop)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}

	s := link(t, map[string]string{"a": "old"})
	s.Update(map[string]string{"a": "new"})
	if d := call(t, s.Interfaces()[0], "get", "a"); d.Disc(2) != 1 || d.String() != "new" {
		t.Error("an update is not seen")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Probe(t.Context()); errcode.Of(err) != errcode.Closed {
		t.Errorf("probe after close: %v, want closed", err)
	}
}
