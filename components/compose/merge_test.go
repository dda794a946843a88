package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/refdata"
	"latticework/wit"
)

func guests(t testing.TB) []Part {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(refdata.Dir(t, "guests/wasm"), "*.wasm"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d guests: %v", len(files), err)
	}
	var parts []Part
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{filepath.Base(f), data})
	}
	return parts
}

// together puts parts side by side: all of their imports are imported, and
// the first one's exports exported.
func together(t *testing.T, parts ...Part) *validate.ComponentType {
	t.Helper()
	var units []*unit
	for i, p := range parts {
		u, err := load(p)
		if err != nil {
			t.Fatal(err)
		}
		u.socket = i == 0
		units = append(units, u)
	}
	groups, c, err := merge(units, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{out: &binary.Component{}, units: units, groups: groups}
	b.top = newScope(&typeWriter{classes: c}, nil, b.add)
	out, err := b.build()
	if err != nil {
		t.Fatal(err)
	}
	u, err := load(Part{"result", out})
	if err != nil {
		t.Fatal(err)
	}
	return u.typ
}

// TestWrap puts each guest into a component that has the same imports and
// exports.
func TestWrap(t *testing.T) {
	for _, g := range guests(t) {
		t.Run(g.Name, func(t *testing.T) {
			u, err := load(g)
			if err != nil {
				t.Fatal(err)
			}
			got := together(t, g)
			if a, b := fmt.Sprint(namesOf(&got.Imports)), fmt.Sprint(namesOf(&u.typ.Imports)); a != b {
				t.Errorf("imports are\n%s, want\n%s", a, b)
			}
			if a, b := fmt.Sprint(namesOf(&got.Exports)), fmt.Sprint(namesOf(&u.typ.Exports)); a != b {
				t.Errorf("exports are\n%s, want\n%s", a, b)
			}
			if a, b := len(got.Given), len(u.typ.Given); a != b {
				t.Errorf("imports introduce %d resources, want %d", a, b)
			}
			for _, want := range u.typ.Imports.List {
				e, _ := got.Imports.Get(want.Name.Name)
				if want.Sort != binary.SortInstance || e.Sort != want.Sort {
					continue
				}
				if a, b := fmt.Sprint(namesOf(&e.Type.Instance.Exports)), fmt.Sprint(namesOf(&want.Type.Instance.Exports)); a != b {
					t.Errorf("import %s exports\n%s, want\n%s", want.Name.Name, a, b)
				}
			}
		})
	}
}

// TestMergeGuests puts each pair of guests side by side: interfaces of one
// version track are imported once.
func TestMergeGuests(t *testing.T) {
	list := guests(t)
	merged := 0
	for i, a := range list {
		for _, b := range list[i+1:] {
			got := together(t, a, b)
			for i, x := range got.Imports.List {
				for _, y := range got.Imports.List[i+1:] {
					if wit.MatchVersion(x.Name.Name, y.Name.Name) {
						t.Errorf("%s and %s: %s and %s are imported both", a.Name, b.Name, x.Name.Name, y.Name.Name)
					}
				}
			}
			before := 0
			for _, p := range []Part{a, b} {
				u, err := load(p)
				if err != nil {
					t.Fatal(err)
				}
				before += len(u.typ.Imports.List)
			}
			merged += before - len(got.Imports.List)
		}
	}
	if merged < 100 {
		t.Errorf("only %d imports were merged", merged)
	}
	t.Logf("%d imports of pairs of guests were merged", merged)
}
