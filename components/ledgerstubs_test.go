package components_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"testing"

	"latticework/components"
	contract "latticework/components/internal/ledger"
	"latticework/internal/errcode"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// books are two instances of the component ledger and its typed exports.
type books struct {
	*contract.BookExports
	reader    *contract.ReaderExports
	till      *contract.LedgerTillExports
	in, other *components.Instance
}

func openBooks(t testing.TB, async bool) books {
	t.Helper()
	e, err := components.NewEngine(t.Context(), components.EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Compile(t.Context(), ledgerComponent(async))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := c.Link(components.LinkConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if tmpl.Async() != async {
		t.Fatalf("the component uses the asynchronous ABI: %t", !async)
	}
	b := books{}
	if b.BookExports, err = contract.ResolveBook(tmpl); err != nil {
		t.Fatal(err)
	}
	if b.reader, err = contract.ResolveReader(tmpl); err != nil {
		t.Fatal(err)
	}
	if b.till, err = contract.ResolveLedgerTill(tmpl); err != nil {
		t.Fatal(err)
	}
	for _, in := range []**components.Instance{&b.in, &b.other} {
		if *in, err = tmpl.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { (*in).Release(context.Background()) })
	}
	return b
}

// entry makes an entry in the first instance.
func (b books) entry(t testing.TB, n uint32) contract.Entry {
	t.Helper()
	e, err := b.NewEntry(t.Context(), b.in, n)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// has checks an entry's number.
func has(t testing.TB, e contract.Entry, want uint32) {
	t.Helper()
	if got, err := e.Number(t.Context()); got != want || err != nil {
		t.Errorf("the number is %d, %v; want %d", got, err, want)
	}
}

// dropped checks the sum of what the destructor was run for.
func (b books) dropped(t testing.TB, want uint32) {
	t.Helper()
	if got, err := b.EntrySum(t.Context(), b.in); got != want || err != nil {
		t.Errorf("the sum of what was dropped is %d, %v; want %d", got, err, want)
	}
}

// gone checks that neither call nor drop takes e, and that it is nobody's fault
// but the caller's.
func (b books) gone(t *testing.T, e contract.Entry) {
	t.Helper()
	for what, use := range map[string]func() error{
		"a method":    func() error { _, err := e.Number(t.Context()); return err },
		"a static":    func() error { _, err := b.EntryMerged(t.Context(), b.in, b.entry(t, 0), e); return err },
		"lending":     func() error { _, err := b.reader.Peek(t.Context(), b.in, e); return err },
		"giving":      func() error { _, err := b.reader.Pass(t.Context(), b.in, e); return err },
		"in a record": func() error { _, err := b.Lend(t.Context(), b.in, contract.Loan{What: abi.Some(e)}); return err },
		"in a list":   func() error { _, err := b.PassAll(t.Context(), b.in, []contract.Entry{b.entry(t, 0), e}); return err },
		"in a map":    func() error { _, err := b.PassNamed(t.Context(), b.in, map[uint32]contract.Entry{1: e}); return err },
		"in a variant": func() error {
			_, err := b.Pass(t.Context(), b.in, contract.WhichBoth(contract.Pair{First: b.entry(t, 0), Second: abi.Some(e)}))
			return err
		},
		"in a result": func() error {
			_, err := b.Check(t.Context(), b.in, abi.Result[contract.Entry, *abi.ErrorContext]{Ok: e})
			return err
		},
		"drop": func() error { return b.DropEntry(t.Context(), e) },
	} {
		if err := use(); !errors.Is(err, errcode.Invalid) || errors.Is(err, errcode.Trap) {
			t.Errorf("%s: %v; want that it is invalid", what, err)
		}
	}
	e.Drop(t.Context())
	if b.in.Dead() {
		t.Error("the instance is gone")
	}
}

// TestStubs calls a component through its generated contract, one that uses the
// asynchronous ABI and one that does not.
func TestStubs(t *testing.T) {
	for name, test := range map[string]func(*testing.T, books){
		"of resources":               stubsOfResources,
		"of resource given twice":    stubsOfResourceGivenTwice,
		"of another instance":        stubsOfAnotherInstance,
		"of resources inside":        stubsOfResourcesInside,
		"of maps and error contexts": stubsOfMapsAndErrorContexts,
		"of trapping resources":      stubsOfTrappingResources,
		"in concurrent":              stubsInConcurrent,
		"of interface in place":      stubsOfInterfaceInPlace,
	} {
		t.Run(name, func(t *testing.T) { test(t, openBooks(t, false)) })
		t.Run(name+", async", func(t *testing.T) { test(t, openBooks(t, true)) })
	}
}

func stubsOfResources(t *testing.T, b books) {
	a, c := b.entry(t, 3), b.entry(t, 4)
	has(t, a, 3)
	has(t, c, 4)
	m, err := b.EntryMerged(t.Context(), b.in, a, c)
	if err != nil {
		t.Fatal(err)
	}
	has(t, m, 7)
	has(t, a, 3) // it was lent
	b.dropped(t, 4)
	b.gone(t, c)
	b.dropped(t, 4)
	if err := b.DropEntry(t.Context(), m); err != nil {
		t.Error(err)
	}
	b.dropped(t, 11)
	b.gone(t, m)
	a.Drop(t.Context())
	b.dropped(t, 14)
	b.gone(t, a)
	b.dropped(t, 14)
}

// stubsOfResourceGivenTwice: a call that would give what it also lends, or
// gives elsewhere, is not made, and what it would have given is as it was.
func stubsOfResourceGivenTwice(t *testing.T, b books) {
	ctx := t.Context()
	a, c := b.entry(t, 3), b.entry(t, 4)
	for what, use := range map[string]func() error{
		"lent and given": func() error { _, err := b.EntryMerged(ctx, b.in, a, a); return err },
		"in a list":      func() error { _, err := b.PassAll(ctx, b.in, []contract.Entry{a, c, a}); return err },
		"in a record": func() error {
			_, err := b.Pass(ctx, b.in, contract.WhichBoth(contract.Pair{First: c, Second: abi.Some(c)}))
			return err
		},
	} {
		if err := use(); !errors.Is(err, errcode.Invalid) || errors.Is(err, errcode.Trap) {
			t.Errorf("%s: %v; want that it is invalid", what, err)
		}
		has(t, a, 3)
		has(t, c, 4)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	for range 2 {
		if _, err := b.reader.Pass(over, b.in, a); err == nil || errors.Is(err, errcode.Invalid) {
			t.Errorf("a call that was not made for another reason: %v", err)
		}
	}
	all, err := b.PassAll(ctx, b.in, []contract.Entry{c, a})
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.EntryMerged(ctx, b.in, all[0], all[1])
	if err != nil {
		t.Fatal(err)
	}
	has(t, m, 7)
}

// stubsOfAnotherInstance: a handle is of use to its instance alone, and
// costs none.
func stubsOfAnotherInstance(t *testing.T, b books) {
	foreign, err := b.NewEntry(t.Context(), b.other, 5)
	if err != nil {
		t.Fatal(err)
	}
	for what, e := range map[string]contract.Entry{"another instance's": foreign, "a Go value": goEntry{}} {
		if _, err := b.EntryNumber(t.Context(), b.in, e); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%s, lent: %v", what, err)
		}
		if _, err := b.reader.Pass(t.Context(), b.in, e); !errors.Is(err, errcode.Invalid) {
			t.Errorf("%s, given: %v", what, err)
		}
	}
	if _, err := b.reader.Peek(t.Context(), b.in, nil); err == nil || b.in.Dead() {
		t.Errorf("nothing, lent: %v", err)
	}
	if err := b.DropEntry(t.Context(), goEntry{}); !errors.Is(err, errcode.Invalid) {
		t.Errorf("drop of a Go value: %v", err)
	}
	has(t, foreign, 5)
	if b.in.Dead() || b.other.Dead() {
		t.Error("an instance is gone")
	}
	b.other.Release(context.Background())
	if _, err := foreign.Number(t.Context()); !errors.Is(err, errcode.Closed) {
		t.Errorf("a handle of an instance that was released: %v", err)
	}
	if err := b.DropEntry(t.Context(), foreign); !errors.Is(err, errcode.Closed) {
		t.Errorf("drop in an instance that was released: %v", err)
	}
	foreign.Drop(t.Context())
}

// goEntry is an entry that no component made.
type goEntry struct{}

func (goEntry) Number(context.Context) (uint32, error) { return 1, nil }
func (goEntry) Drop(context.Context)                   {}

func stubsOfResourcesInside(t *testing.T, b books) {
	ctx := t.Context()
	if w, err := b.Pass(ctx, b.in, contract.WhichNone()); err != nil || w.Case != contract.WhichCaseNone {
		t.Errorf("none: %v, %v", w, err)
	}
	w, err := b.Pass(ctx, b.in, contract.WhichOne(b.entry(t, 5)))
	if err != nil || w.Case != contract.WhichCaseOne {
		t.Fatalf("one: %v, %v", w, err)
	}
	has(t, w.One, 5)
	w, err = b.Pass(ctx, b.in, contract.WhichBoth(contract.Pair{First: w.One, Second: abi.Some(b.entry(t, 6))}))
	if err != nil || w.Case != contract.WhichCaseBoth || !w.Both.Second.Some {
		t.Fatalf("both: %v, %v", w, err)
	}
	has(t, w.Both.First, 5)
	has(t, w.Both.Second.Value, 6)
	all, err := b.PassAll(ctx, b.in, []contract.Entry{w.Both.Second.Value, w.Both.First})
	if err != nil || len(all) != 2 {
		t.Fatalf("all: %v, %v", all, err)
	}
	has(t, all[0], 6)
	has(t, all[1], 5)
	if n, err := b.Lend(ctx, b.in, contract.Loan{What: abi.Some(all[0])}); n != 6 || err != nil {
		t.Errorf("lend: %d, %v", n, err)
	}
	if n, err := b.Lend(ctx, b.in, contract.Loan{}); n != 0 || err != nil {
		t.Errorf("lend nothing: %d, %v", n, err)
	}
	named, err := b.PassNamed(ctx, b.in, map[uint32]contract.Entry{10: all[0], 20: all[1]})
	if err != nil || len(named) != 2 {
		t.Fatalf("named: %v, %v", named, err)
	}
	has(t, named[10], 6)
	has(t, named[20], 5)
	ok, err := b.Check(ctx, b.in, abi.Result[contract.Entry, *abi.ErrorContext]{Ok: named[10]})
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.reader.Pass(ctx, b.in, ok)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.reader.Peek(ctx, b.in, e); n != 6 || err != nil {
		t.Errorf("peek: %d, %v", n, err)
	}
	has(t, e, 6) // what another interface answers has its methods
	b.dropped(t, 0)
	e.Drop(ctx)
	b.dropped(t, 6)
}

func stubsOfMapsAndErrorContexts(t *testing.T, b books) {
	want := map[string]uint32{"a": 1, "": 2, "ä\x00": 3}
	if got, err := b.PassCounts(t.Context(), b.in, want); err != nil || !maps.Equal(got, want) {
		t.Errorf("counts: %v, %v", got, err)
	}
	if got, err := b.PassCounts(t.Context(), b.in, nil); err != nil || len(got) != 0 {
		t.Errorf("no counts: %v, %v", got, err)
	}
	why := &abi.ErrorContext{Message: "out of ink"}
	if got, err := b.PassReason(t.Context(), b.in, why); err != nil || got != why {
		t.Errorf("reason: %v, %v", got, err)
	}
	_, err := b.Check(t.Context(), b.in, abi.Result[contract.Entry, *abi.ErrorContext]{IsErr: true, Err: why})
	var failed *abi.Failure[*abi.ErrorContext]
	if !errors.As(err, &failed) || failed.Value != why {
		t.Errorf("check: %v", err)
	}
	if _, err := b.PassReason(t.Context(), b.in, nil); !errors.Is(err, errcode.Invalid) {
		t.Errorf("no reason: %v", err)
	}
}

func stubsOfTrappingResources(t *testing.T, b books) {
	left, bad := b.entry(t, 1), b.entry(t, 99)
	if _, err := bad.Number(t.Context()); !errors.Is(err, errcode.Trap) {
		t.Errorf("a method that traps: %v", err)
	}
	if _, err := left.Number(t.Context()); !errors.Is(err, errcode.Trap) {
		t.Errorf("a method of an instance that trapped: %v", err)
	}
	if err := b.DropEntry(t.Context(), left); !errors.Is(err, errcode.Trap) {
		t.Errorf("drop in an instance that trapped: %v", err)
	}
	e, err := b.NewEntry(t.Context(), b.other, 13)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.DropEntry(t.Context(), e); !errors.Is(err, errcode.Trap) || !b.other.Dead() {
		t.Errorf("a destructor that traps: %v", err)
	}
}

// stubsInConcurrent: inside of Concurrent the exports' own functions call
// through what it gives, and what they answer outlives it.
func stubsInConcurrent(t *testing.T, b books) {
	var e contract.Entry
	err := b.in.Concurrent(t.Context(), func(ctx context.Context, calls abi.Invoker) (err error) {
		if e, err = b.NewEntry(ctx, calls, 3); err != nil {
			return err
		}
		if n, err := b.EntryNumber(ctx, calls, e); n != 3 || err != nil {
			t.Errorf("the number is %d, %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	has(t, e, 3)
	if err := b.DropEntry(t.Context(), e); err != nil {
		t.Error(err)
	}
	b.dropped(t, 3)
}

// stubsOfInterfaceInPlace: two resources of one component have nothing to
// do with each other.
func stubsOfInterfaceInPlace(t *testing.T, b books) {
	coin, err := b.till.Toss(t.Context(), b.in, 5)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := coin.Worth(t.Context()); n != 5 || err != nil {
		t.Errorf("worth: %d, %v", n, err)
	}
	if err := b.till.DropCoin(t.Context(), coin); err != nil {
		t.Error(err)
	}
	if _, err := coin.Worth(t.Context()); !errors.Is(err, errcode.Invalid) {
		t.Errorf("worth of a coin that is gone: %v", err)
	}
	b.dropped(t, 0)
}

// A contract that lattice-bindgen wrote calls a component's exports with Go
// types. A resource of the component is a value with its methods; who owns it
// drops it.
func Example_exportedResource() {
	ctx := context.Background()
	engine, err := components.NewEngine(ctx, components.EngineConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close(ctx)
	component, err := engine.Compile(ctx, ledgerComponent(false))
	if err != nil {
		log.Fatal(err)
	}
	template, err := component.Link(components.LinkConfig{})
	if err != nil {
		log.Fatal(err)
	}
	book, err := contract.ResolveBook(template) // once for all instances
	if err != nil {
		log.Fatal(err)
	}
	instance, err := template.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer instance.Release(ctx)
	entry, err := book.NewEntry(ctx, instance, 3)
	if err != nil {
		log.Fatal(err)
	}
	another, err := book.NewEntry(ctx, instance, 4)
	if err != nil {
		log.Fatal(err)
	}
	sum, err := book.EntryMerged(ctx, instance, entry, another) // lends one and gives the other
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum.Number(ctx))
	_, err = another.Number(ctx)
	fmt.Println(errors.Is(err, errcode.Invalid), instance.Dead())
	fmt.Println(book.DropEntry(ctx, sum)) // its destructor runs
	fmt.Println(book.EntrySum(ctx, instance))
	// Output:
	// 7 <nil>
	// true false
	// <nil>
	// 11 <nil>
}

// BenchmarkHandle calls a method of a component's resource, and makes and drops
// one, through stubs and with dynamic values.
func BenchmarkHandle(b *testing.B) {
	l := openBooks(b, false)
	ctx := b.Context()
	e := l.entry(b, 3)
	const iface = "test:ledger/book@1.0.0"
	v, err := l.in.Call(ctx, iface, "[constructor]entry", value.U32(3))
	if err != nil {
		b.Fatal(err)
	}
	lentOne := lent(v.(value.Handle))
	for name, f := range map[string]func() error{
		"method/stub":    func() error { _, err := e.Number(ctx); return err },
		"method/dynamic": func() error { _, err := l.in.Call(ctx, iface, "[method]entry.number", lentOne); return err },
		"life/stub": func() error {
			e, err := l.NewEntry(ctx, l.in, 0)
			if err != nil {
				return err
			}
			return l.DropEntry(ctx, e)
		},
		"life/dynamic": func() error {
			v, err := l.in.Call(ctx, iface, "[constructor]entry", value.U32(0))
			if err != nil {
				return err
			}
			return l.in.Drop(ctx, v.(value.Handle).Rep.(*components.GuestResource))
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
