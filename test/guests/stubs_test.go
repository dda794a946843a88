package guests

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/test/guests/valuespy"
	"latticework/wit/abi"
)

// pythonStubs calls a library in Python through its generated contract.
func pythonStubs(t *testing.T, tmpl *components.Template, stderr *strings.Builder) {
	values, err := valuespy.ResolveValues(tmpl)
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	t.Run("values", func(t *testing.T) { pythonValues(t, values, in) })
	t.Run("counters", func(t *testing.T) {
		other, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Release(t.Context())
		pythonCounters(t, values, in, other)
	})
	ada, err := values.NewCounter(t.Context(), in, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := values.Broken(t.Context(), in); !errors.Is(err, errcode.Trap) || !strings.Contains(stderr.String(), "ValueError") {
		t.Errorf("broken: %v, %q", err, stderr.String())
	}
	if _, err := ada.Add(t.Context()); !errors.Is(err, errcode.Trap) {
		t.Errorf("a counter after a trap: %v", err)
	}
}

func pythonValues(t *testing.T, values *valuespy.ValuesExports, in *components.Instance) {
	ctx := t.Context()
	person := valuespy.Person{Name: "Ada ß", Age: 36, Tags: []string{"x"}, Home: abi.Some(valuespy.Point{X: -1, Y: 2})}
	older, err := values.Older(ctx, in, person, 2)
	if err != nil || older.Name != person.Name || older.Age != 38 || older.Home != person.Home {
		t.Errorf("older: %+v, %v", older, err)
	}
	if n, err := values.Parse(ctx, in, "17"); n != 17 || err != nil {
		t.Errorf("parse: %d, %v", n, err)
	}
	var failed *abi.Failure[valuespy.Shape]
	if _, err := values.Parse(ctx, in, "x"); !errors.As(err, &failed) {
		t.Errorf("parse of what is no number: %v", err)
	}
	words, err := values.Words(ctx, in, "b a b")
	if want := []abi.Tuple2[string, uint32]{{F0: "b", F1: 2}, {F0: "a", F1: 1}}; err != nil || !slices.Equal(words, want) {
		t.Errorf("words: %v, %v", words, err)
	}
}

// pythonCounters makes, lends, gives away and drops resources of instance in.
func pythonCounters(t *testing.T, values *valuespy.ValuesExports, in, other *components.Instance) {
	ctx := t.Context()
	counter := func(in *components.Instance, step uint64) valuespy.Counter {
		t.Helper()
		c, err := values.NewCounter(ctx, in, step)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	adds := func(c valuespy.Counter, want uint64) {
		t.Helper()
		if got, err := c.Add(ctx); got != want || err != nil {
			t.Errorf("add: %d, %v; want %d", got, err, want)
		}
	}
	a, b, foreign := counter(in, 3), counter(in, 1<<62), counter(other, 5)
	adds(a, 3)
	adds(b, 1<<62)
	adds(foreign, 5)
	if _, err := values.CounterMerged(ctx, in, a, foreign); !errors.Is(err, errcode.Invalid) {
		t.Errorf("merged with another instance's: %v", err)
	}
	merged, err := values.CounterMerged(ctx, in, a, b)
	if err != nil {
		t.Fatal(err)
	}
	adds(merged, 3+1<<62+3+1<<62)
	adds(a, 6) // it was lent
	if _, err := b.Add(ctx); !errors.Is(err, errcode.Invalid) {
		t.Errorf("add to what was given away: %v", err)
	}
	for range 100 {
		if err := values.DropCounter(ctx, counter(in, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := values.DropCounter(ctx, a); err != nil {
		t.Error(err)
	}
	if err := values.DropCounter(ctx, a); !errors.Is(err, errcode.Invalid) {
		t.Errorf("dropped twice: %v", err)
	}
	merged.Drop(ctx)
	if _, err := merged.Add(ctx); !errors.Is(err, errcode.Invalid) {
		t.Errorf("add to what was dropped: %v", err)
	}
	if in.Dead() || other.Dead() {
		t.Error("an instance is gone")
	}
	adds(foreign, 10)
}
