package providers_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// fake is a provider that notes what happens to it.
type fake struct {
	mu     sync.Mutex
	events []string // guarded by mu

	onOpen, onClose, onDrain func(context.Context) error
	onLink                   func(context.Context, providers.Link) (providers.Session, error)
	onSessionClose           func(context.Context) error
}

func (f *fake) note(event string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, event)
}

func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

func run(ctx context.Context, hook func(context.Context) error) error {
	if hook == nil {
		return nil
	}
	return hook(ctx)
}

func (f *fake) Info() providers.Info { return providers.Info{Name: "fake"} }

func (f *fake) Open(ctx context.Context) error { f.note("open"); return run(ctx, f.onOpen) }

func (f *fake) Link(ctx context.Context, l providers.Link) (providers.Session, error) {
	f.note("link " + l.Source)
	if f.onLink != nil {
		return f.onLink(ctx, l)
	}
	return &fakeSession{f, l.Source}, nil
}

func (f *fake) Health(context.Context) error { f.note("health"); return nil }

func (f *fake) Drain(ctx context.Context) error { f.note("drain"); return run(ctx, f.onDrain) }

func (f *fake) Close(ctx context.Context) error { f.note("close"); return run(ctx, f.onClose) }

type fakeSession struct {
	f    *fake
	name string
}

func (s *fakeSession) Interfaces() []*abi.Interface { return nil }
func (s *fakeSession) Probe(context.Context) error  { return nil }
func (s *fakeSession) Close(ctx context.Context) error {
	s.f.note("close session " + s.name)
	return run(ctx, s.f.onSessionClose)
}

func linkOf(source string) providers.Link { return providers.Link{Source: source, Target: "fake"} }

func wantCode(t *testing.T, err error, code errcode.Code, says ...string) {
	t.Helper()
	if err == nil || errcode.Of(err) != code {
		t.Errorf("error %q (%v), want %q", errcode.Of(err), err, code)
		return
	}
	for _, part := range says {
		if text := err.Error() + "\n" + errcode.NextOf(err); !strings.Contains(text, part) {
			t.Errorf("error %q lacks %q", text, part)
		}
	}
}

func TestGuardKeepsTheOrder(t *testing.T) {
	f := &fake{}
	p := providers.Guard(f)
	ctx := t.Context()
	_, err := p.Link(ctx, linkOf("early"))
	wantCode(t, err, errcode.Closed, "provider fake is not open")
	wantCode(t, p.Health(ctx), errcode.Closed)
	if err := p.Open(ctx); err != nil {
		t.Fatal(err)
	}
	wantCode(t, p.Open(ctx), errcode.Invalid, "opened or closed before")
	_, err = p.Link(ctx, providers.Link{Name: "a\x00"})
	wantCode(t, err, errcode.Invalid, "source is empty", "target is empty", "U+0000")
	a, err := p.Link(ctx, linkOf("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Link(ctx, linkOf("b")); err != nil {
		t.Fatal(err)
	}
	if own, ok := providers.As[*fakeSession](a); !ok || own.name != "a" {
		t.Errorf("As: %v, %v", own, ok)
	}
	if _, ok := providers.As[interface{ Nothing() }](a); ok {
		t.Error("As found what is not there")
	}
	for range 2 {
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	_, err = p.Link(ctx, linkOf("late"))
	wantCode(t, err, errcode.Closed)
	wantCode(t, p.Open(ctx), errcode.Invalid)
	wantCode(t, p.Health(ctx), errcode.Closed)
	want := []string{"open", "link a", "link b", "close session a", "drain", "close session b", "close"}
	if got := f.seen(); !slices.Equal(got, want) {
		t.Errorf("events %q,\n  want %q", got, want)
	}
}

// TestGuardDrainsOnce: whoever drains or closes waits for the one drain that
// there is, and nothing is drained that was not opened.
func TestGuardDrainsOnce(t *testing.T) {
	drain := func(p providers.Provider) error { return p.(providers.Drainer).Drain(t.Context()) }
	begun, release := make(chan struct{}), make(chan struct{})
	cut := errors.New("one was cut off")
	f := &fake{onDrain: func(context.Context) error {
		close(begun)
		<-release
		return cut
	}}
	p := providers.Guard(f)
	if err := drain(p); err != nil {
		t.Error(err)
	}
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 3)
	for _, end := range []func() error{func() error { return p.Close(t.Context()) }, func() error { return drain(p) }, func() error { return drain(p) }} {
		go func() { errs <- end() }() // ends with release
		<-begun
	}
	late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	wantCode(t, p.(providers.Drainer).Drain(late), errcode.Deadline)
	if len(errs) > 0 {
		t.Errorf("ended before what drains: %v", <-errs)
	}
	close(release)
	for range 3 {
		if err := <-errs; !errors.Is(err, cut) {
			t.Errorf("ended with %v", err)
		}
	}
	if got, want := f.seen(), []string{"open", "drain", "close"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	f = &fake{}
	p = providers.Guard(f)
	if err := errors.Join(p.Close(t.Context()), drain(p)); err != nil || len(f.seen()) > 0 {
		t.Errorf("closed before it was opened: %v, events %q", err, f.seen())
	}
}

func TestGuardAfterFailedOpen(t *testing.T) {
	f := &fake{onOpen: func(context.Context) error { return errors.New("no disk") }}
	p := providers.Guard(f)
	if err := p.Open(t.Context()); err == nil || err.Error() != "no disk" {
		t.Errorf("open: %v", err)
	}
	_, err := p.Link(t.Context(), linkOf("a"))
	wantCode(t, err, errcode.Closed)
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got, want := f.seen(), []string{"open", "drain", "close"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

func TestGuardClosedBeforeOpen(t *testing.T) {
	f := &fake{}
	p := providers.Guard(f)
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wantCode(t, p.Open(t.Context()), errcode.Invalid)
	if got := f.seen(); len(got) != 0 {
		t.Errorf("events %q, want none", got)
	}
}

// TestGuardCloseEndsLinksInTheMaking: a link that hangs does not hold up the
// close, and no session is left behind.
func TestGuardCloseEndsLinksInTheMaking(t *testing.T) {
	f := &fake{}
	entered := make(chan struct{}, 2)
	f.onLink = func(ctx context.Context, l providers.Link) (providers.Session, error) {
		entered <- struct{}{}
		<-ctx.Done()
		if l.Source == "stubborn" { // makes it all the same
			return &fakeSession{f, l.Source}, nil
		}
		return nil, context.Cause(ctx)
	}
	p := providers.Guard(f)
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 2)
	for _, name := range []string{"hanging", "stubborn"} {
		go func() { _, err := p.Link(context.Background(), linkOf(name)); errs <- err }()
		<-entered
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-errs; err != nil {
			wantCode(t, err, errcode.Closed, "is closing")
		}
	}
	if got := f.seen(); !slices.Contains(got, "close session stubborn") || got[len(got)-1] != "close" {
		t.Errorf("events %q: the late session was not closed before the provider", got)
	}
}

func TestGuardSecondCloseWaitsForTheFirst(t *testing.T) {
	hold, entered := make(chan struct{}), make(chan struct{})
	f := &fake{onClose: func(context.Context) error { close(entered); <-hold; return errors.New("dirty") }}
	p := providers.Guard(f)
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := make(chan error)
	go func() { first <- p.Close(t.Context()) }()
	<-entered
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	wantCode(t, p.Close(short), errcode.Deadline)
	close(hold)
	if err := <-first; err == nil || !strings.Contains(err.Error(), "dirty") {
		t.Errorf("first: %v", err)
	}
	if err := p.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "dirty") {
		t.Errorf("second: %v, want the first's answer", err)
	}
}

func TestGuardTurnsPanicsIntoErrors(t *testing.T) {
	boom := func(context.Context) error { panic("boom") }
	wantCode(t, providers.Guard(&fake{onOpen: boom}).Open(t.Context()), errcode.Internal, "boom")

	f := &fake{onClose: boom, onSessionClose: boom, onDrain: boom}
	p := providers.Guard(f)
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := p.Link(t.Context(), linkOf("a"))
	if err != nil {
		t.Fatal(err)
	}
	f.onLink = func(context.Context, providers.Link) (providers.Session, error) { panic("boom") }
	_, err = p.Link(t.Context(), linkOf("b"))
	wantCode(t, err, errcode.Internal, "boom")
	f.onLink = func(context.Context, providers.Link) (providers.Session, error) { return nil, nil }
	_, err = p.Link(t.Context(), linkOf("c"))
	wantCode(t, err, errcode.Internal, "neither session nor error")
	wantCode(t, s.Close(t.Context()), errcode.Internal, "boom")
	wantCode(t, p.Close(t.Context()), errcode.Internal, "boom")
	if got := f.seen(); got[len(got)-1] != "close" {
		t.Errorf("events %q: a panic in drain kept close from being called", got)
	}
}

// TestGuardHammer: links, closes and health checks at once; every session
// that was made is closed once, before the provider.
func TestGuardHammer(t *testing.T) {
	for range 50 {
		f := &fake{}
		p := providers.Guard(f)
		if err := p.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					s, err := p.Link(context.Background(), linkOf("x"))
					if err != nil {
						return
					}
					_ = p.Health(context.Background())
					wg.Go(func() { _ = s.Close(context.Background()) })
					_ = s.Close(context.Background())
				}
			})
		}
		time.Sleep(200 * time.Microsecond) // lets some links happen; any number is right
		for range 2 {
			wg.Go(func() { _ = p.Close(context.Background()) })
		}
		wg.Wait()
		count := map[string]int{}
		for i, e := range f.seen() {
			count[e]++
			if e == "close" && i != len(f.seen())-1 {
				t.Fatalf("%d events after close", len(f.seen())-1-i)
			}
		}
		if count["link x"] != count["close session x"] || count["close"] != 1 {
			t.Fatalf("events %v: sessions made and closed differ", count)
		}
	}
}

// TestGuardChecksLinks: before Open and after Close, too.
func TestGuardChecksLinks(t *testing.T) {
	p := providers.Guard(&fakeSource{}).(providers.Source)
	for _, step := range []func(context.Context) error{p.Open, p.Close, p.Close} {
		if err := p.Check(linkOf("right")); err != nil {
			t.Error(err)
		}
		wantCode(t, p.Check(linkOf("wrong")), errcode.Internal, "wrong")
		wantCode(t, p.Check(providers.Link{}), errcode.Invalid, "source is empty")
		if err := step(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

type fakeSource struct{ fake }

func (f *fakeSource) Check(l providers.Link) error {
	if l.Source == "wrong" {
		panic("wrong")
	}
	return nil
}

func (f *fakeSource) Serve(_ context.Context, l providers.Link, target http.Handler) (providers.Session, error) {
	f.note("serve " + l.Target)
	return &fakeSession{&f.fake, l.Target}, nil
}

func TestGuardOfASource(t *testing.T) {
	if _, ok := providers.Guard(&fake{}).(providers.Source); ok {
		t.Error("a provider became a source")
	}
	f := &fakeSource{}
	p, ok := providers.Guard(f).(providers.Source)
	if !ok {
		t.Fatal("a source is none any more")
	}
	h := http.NotFoundHandler()
	l := providers.Link{Source: "web", Target: "api"}
	_, err := p.Serve(t.Context(), l, h)
	wantCode(t, err, errcode.Closed)
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = p.Serve(t.Context(), l, nil)
	wantCode(t, err, errcode.Invalid, "no target")
	if _, err := p.Serve(t.Context(), l, h); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := f.seen(), []string{"open", "serve api", "drain", "close session api", "close"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}
