package linkstate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"latticework/internal/fuzzbound"
)

// randomCommand makes a command over few names, so that commands meet.
func randomCommand(r *rand.Rand, v *View) Command {
	name := func(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, r.IntN(n)) }
	target := func() Target {
		t := Target{Name: name("p", 3)}
		if r.IntN(2) == 0 {
			t.Config = []string{name("cfg", 3)}
		}
		return t
	}
	link := func() Link {
		l := Link{LinkKey: LinkKey{Source: name("c", 2), Namespace: "wasi", Package: name("pkg", 2), Interfaces: []string{name("i", 3)}}, Targets: []Target{target()}}
		if r.IntN(3) == 0 {
			l.Interfaces = append(l.Interfaces, name("i", 3))
		}
		return l
	}
	some := func() (k LinkKey, generation uint64) {
		ls := v.Links()
		if len(ls) == 0 {
			return link().LinkKey, 1
		}
		l := ls[r.IntN(len(ls))]
		generation = l.Generation
		if l.Swap != nil {
			generation = l.Swap.Generation
		} else if len(l.Drains) > 0 {
			generation = l.Drains[r.IntN(len(l.Drains))].Generation
		}
		return l.LinkKey, generation
	}
	var c Command
	if r.IntN(3) == 0 {
		c.Request = name("req", 50)
	}
	k, g := some()
	switch r.IntN(14) {
	case 0, 1:
		c.PutLink = &PutLink{Link: link()}
	case 2:
		c.DeleteLink = &DeleteLink{Key: k}
	case 3:
		c.PrepareSwap = &PrepareSwap{Key: k, Targets: []Target{target()}}
	case 4:
		c.FlipSwap = &FlipSwap{Key: k, Generation: g}
	case 5:
		c.AbortSwap = &AbortSwap{Key: k, Generation: g}
	case 6:
		c.FinishDrain = &FinishDrain{Key: k, Generation: g}
	case 7:
		c.PutConfig = &PutConfig{Config: Config{Name: name("cfg", 3), Values: map[string]string{"k": name("v", 4)}}}
	case 8:
		c.DeleteConfig = &DeleteConfig{Name: name("cfg", 3)}
	case 9:
		c.PutComponent = &PutComponent{Component: Component{Name: name("c", 2), Image: Image{Ref: name("ref", 3)}}}
	case 10:
		c.PutProvider = &PutProvider{Provider: Provider{Name: name("p", 3), Technology: name("t", 2), Config: []string{name("cfg", 3)}}}
	case 11:
		c.DeleteProvider = &DeleteWorkload{Name: name("p", 3)}
	case 12:
		c.Assign = &Assign{Assignments: []Assignment{{Kind: ProviderWorkload, Name: name("p", 3), Hosts: []Placed{{Host: name("H", 3), Count: 1}}}}}
	case 13:
		c.DeployApplication = &DeployApplication{Application: Application{Name: name("app", 2), Version: name("v", 3)},
			Components: []Component{{Name: name("c", 2), Image: Image{Ref: "r"}}},
			Providers:  []Provider{{Name: name("p", 3), Technology: "t"}}}
		if r.IntN(2) == 0 {
			c.DeployApplication.Links = []Link{link()}
		}
	}
	return c
}

func checkInvariants(s *State) error {
	t := &tx{s: s}
	if err := t.checkReferences(); err != nil {
		return err
	}
	for _, l := range s.links.list() {
		if err := s.checkOverlap(l); err != nil {
			return err
		}
		if l.Generation > l.Revision || l.Swap != nil && l.Swap.Generation <= l.Generation {
			return fmt.Errorf("link %s: generation %d, revision %d, swap %+v", l.LinkKey, l.Generation, l.Revision, l.Swap)
		}
		last := uint64(0)
		for _, d := range l.Drains {
			if d.Generation <= last || d.Generation >= l.Generation {
				return fmt.Errorf("link %s: drains %+v before generation %d", l.LinkKey, l.Drains, l.Generation)
			}
			last = d.Generation
		}
	}
	for _, a := range s.assignments.list() {
		if !s.workloadExists(a.Name) {
			return fmt.Errorf("assignment of %s, which does not exist", a.Name)
		}
	}
	return nil
}

// TestSameLogSameState: two machines, one restored from a snapshot in the
// middle, and a replica fed with changes, agree after every entry.
func TestSameLogSameState(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		a, b, rep := NewState(), NewState(), NewReplica(nil)
		accepted, prev := 0, uint64(0)
		var held *View
		var heldBytes []byte
		index := uint64(0)
		for step := range 400 {
			index += 1 + r.Uint64N(3) // raft's own entries leave gaps
			entry, err := randomCommand(r, a.View()).Encode()
			if err != nil {
				t.Fatal(err)
			}
			ra, ca := a.Apply(index, entry)
			rb, cb := b.Apply(index, entry)
			if ra != rb || len(ca) != len(cb) {
				t.Fatalf("seed %d step %d: results %+v and %+v", seed, step, ra, rb)
			}
			if ra.Code == "" {
				accepted++
			}
			if len(ca) > 0 {
				if err := rep.Apply(Commit{Prev: prev, Index: index, Changes: ca}); err != nil {
					t.Fatalf("seed %d step %d: %v", seed, step, err)
				}
				prev = index
			}
			if err := checkInvariants(a); err != nil {
				t.Fatalf("seed %d step %d: %v\nafter %s", seed, step, err, entry)
			}
			if r.IntN(20) == 0 {
				if b, err = RestoreState(b.Snapshot()); err != nil {
					t.Fatal(err)
				}
			}
			if r.IntN(50) == 0 {
				held = a.View()
				heldBytes = held.Encode()
			}
		}
		if !bytes.Equal(a.Snapshot(), b.Snapshot()) {
			t.Fatalf("seed %d: restored machine differs\n%s\n%s", seed, a.Snapshot(), b.Snapshot())
		}
		// The replica knows no cluster: bootstrap is not a change.
		if got, want := rep.View().Encode(), a.View().Encode(); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: replica differs\n%s\n%s", seed, got, want)
		}
		if held != nil && !bytes.Equal(held.Encode(), heldBytes) {
			t.Fatalf("seed %d: a view changed", seed)
		}
		if accepted < 50 {
			t.Fatalf("seed %d: only %d commands accepted, the test says little", seed, accepted)
		}
	}
}

func TestReplica(t *testing.T) {
	m := withCounter(t)
	rep := NewReplica(nil)
	ch := rep.Reset(m.s.View())
	if len(ch) != 4 || rep.Index() != m.index {
		t.Fatalf("reset: %d changes, index %d", len(ch), rep.Index())
	}
	_, c1 := m.ok(Command{PutLink: &PutLink{Link: kvLink(Target{Name: "mem"})}})
	at := m.index
	_, c2 := m.ok(Command{PutLink: &PutLink{Link: kvLink(Target{Name: "redis"})}})
	if err := rep.Apply(Commit{Prev: at, Index: m.index, Changes: c2}); err == nil {
		t.Fatal("a gap went unnoticed")
	}
	if err := rep.Apply(Commit{Prev: rep.Index(), Index: at, Changes: c1}); err != nil {
		t.Fatal(err)
	}
	if err := rep.Apply(Commit{Prev: at, Index: m.index, Changes: []Change{{Kind: KindLink, Key: "x"}}}); err == nil {
		t.Fatal("a malformed change was applied")
	}
	was := rep.View()
	v, err := DecodeView(m.s.View().Encode())
	if err != nil {
		t.Fatal(err)
	}
	if ch := rep.Reset(v); len(ch) != 1 || ch[0].Link.Targets[0].Name != "redis" {
		t.Fatalf("reset: %+v", ch)
	}
	if was.Links()[0].Targets[0].Name != "mem" {
		t.Fatal("an older view changed")
	}
	if ch := rep.Reset(&View{}); !slices.ContainsFunc(ch, func(c Change) bool { return c.Kind == KindLink && c.Deleted }) || len(ch) != 5 {
		t.Fatalf("reset to nothing: %+v", ch)
	}
}

func FuzzApply(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 7))
	base := NewState()
	for i := range uint64(200) {
		entry, _ := randomCommand(r, base.View()).Encode()
		f.Add(entry)
		base.Apply(i+1, entry)
	}
	snap := base.Snapshot()
	f.Fuzz(func(t *testing.T, entry []byte) {
		fuzzbound.Run(t, func() {
			s, err := RestoreState(snap)
			if err != nil {
				t.Fatal(err)
			}
			res, ch := s.Apply(1000, entry)
			if res.Code != "" && len(ch) > 0 {
				t.Fatalf("refused with changes: %+v %+v", res, ch)
			}
			if err := checkInvariants(s); err != nil {
				t.Fatal(err)
			}
			again, err := RestoreState(s.Snapshot())
			if err != nil || !bytes.Equal(again.Snapshot(), s.Snapshot()) {
				t.Fatalf("snapshot does not survive: %v", err)
			}
		})
	})
}

func FuzzRestore(f *testing.F) {
	f.Add(NewState().Snapshot())
	f.Add([]byte(`{"v":1,"links":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzbound.Run(t, func() {
			if s, err := RestoreState(data); err == nil {
				s.Apply(s.Applied()+1, []byte(`{"v":1,"delete_link":{"key":{}}}`))
			}
			if v, err := DecodeView(data); err == nil {
				v.Encode()
			}
		})
	})
}
