package placement

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"latticework/lattice/linkstate"
)

func hosts(spec ...string) []Host {
	var out []Host
	for _, s := range spec { // "A zone=x draining"
		f := strings.Fields(s)
		h := Host{ID: f[0], Labels: map[string]string{}}
		for _, l := range f[1:] {
			if l == "draining" || l == "silent" {
				h.Draining, h.Silent = l == "draining", l == "silent"
				continue
			}
			k, v, _ := strings.Cut(l, "=")
			h.Labels[k] = v
		}
		out = append(out, h)
	}
	return out
}

func text(a linkstate.Assignment) string {
	var parts []string
	for _, p := range a.Hosts {
		parts = append(parts, fmt.Sprintf("%s:%d", p.Host, p.Count))
	}
	return strings.Join(parts, " ")
}

func at(spec string) []linkstate.Placed {
	var out []linkstate.Placed
	for _, f := range strings.Fields(spec) {
		var p linkstate.Placed
		h, n, _ := strings.Cut(f, ":")
		p.Host = h
		fmt.Sscan(n, &p.Count)
		out = append(out, p)
	}
	return out
}

func TestPlace(t *testing.T) {
	zones := []linkstate.Spread{
		{Name: "x", Weight: 80, Requirements: map[string]string{"zone": "x"}},
		{Name: "y", Weight: 20, Requirements: map[string]string{"zone": "y"}},
	}
	const comp, prov = linkstate.ComponentWorkload, linkstate.ProviderWorkload
	for _, c := range []struct {
		name    string
		w       Workload
		hosts   []Host
		want    string
		problem string
	}{
		{"one anywhere", Workload{Kind: comp}, hosts("A", "B"), "A:1", ""},
		{"evenly", Workload{Kind: comp, Instances: 5}, hosts("A", "B"), "A:3 B:2", ""},
		{"weights", Workload{Kind: comp, Instances: 10, Spread: zones}, hosts("A zone=x", "B zone=x", "C zone=y"), "A:4 B:4 C:2", ""},
		{"weights, odd", Workload{Kind: comp, Instances: 3, Spread: zones}, hosts("A zone=x", "C zone=y"), "A:2 C:1", ""},
		{"stays", Workload{Kind: comp, Instances: 4, Current: at("B:4")}, hosts("A", "B"), "B:4", ""},
		{"grows", Workload{Kind: comp, Instances: 6, Current: at("B:3")}, hosts("A", "B"), "A:3 B:3", ""},
		{"shrinks evenly", Workload{Kind: comp, Instances: 2, Current: at("A:3 B:3")}, hosts("A", "B"), "A:1 B:1", ""},
		{"host lost", Workload{Kind: comp, Instances: 4, Current: at("A:2 Z:2")}, hosts("A", "B"), "A:2 B:2", ""},
		{"host drains", Workload{Kind: comp, Instances: 2, Current: at("A:1 B:1")}, hosts("A draining", "B"), "B:2", ""},
		{"label changed", Workload{Kind: comp, Spread: zones[:1], Current: at("A:1")}, hosts("A zone=y", "B zone=x"), "B:1", ""},
		{"silent host keeps", Workload{Kind: comp, Instances: 3, Spread: zones[:1], Current: at("A:2")}, hosts("A silent", "B zone=x"), "A:2 B:1", ""},
		{"silent host gets nothing", Workload{Kind: comp}, hosts("A silent"), "", "of 0 live hosts 0 match"},
		{"no hosts", Workload{Kind: comp, Instances: 2}, nil, "", "2 of 2 instances without a host: want any host; of 0 live hosts 0 match"},
		{"no match", Workload{Kind: comp, Spread: zones[:1]}, hosts("A", "B zone=x draining"), "", "want a host with zone=x; of 2 live hosts 0 match and 1 more are draining"},
		{"provider once a host", Workload{Kind: prov, Instances: 3}, hosts("A", "B"), "A:1 B:1", "1 of 3 instances without a host: want any host, at most one instance each; of 2 live hosts 2 match"},
		{"overlapping rules keep", Workload{Kind: comp, Instances: 4, Spread: []linkstate.Spread{{}, {Requirements: map[string]string{"zone": "x"}}}, Current: at("A:2 B:2")}, hosts("A zone=x", "B"), "A:2 B:2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.w.Name = "w"
			res := Place([]Workload{c.w}, c.hosts)
			if got := text(res.Assignments[0]); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			got := ""
			if len(res.Problems) > 0 {
				got = res.Problems[0].Reason
			}
			if (c.problem == "") != (got == "") || !strings.Contains(got, c.problem) {
				t.Errorf("problem %q, want %q", got, c.problem)
			}
		})
	}
}

func TestPlaceBalancesWorkloads(t *testing.T) {
	ws := []Workload{{Kind: linkstate.ComponentWorkload, Name: "a"}, {Kind: linkstate.ComponentWorkload, Name: "b"}}
	res := Place(ws, hosts("A", "B"))
	if text(res.Assignments[0]) != "A:1" || text(res.Assignments[1]) != "B:1" {
		t.Fatalf("got %v", res.Assignments)
	}
}

// TestPlaceProperties: whatever the input, placing again from the answer
// changes nothing, rules hold, counts add up, and the order of hosts does not
// matter.
func TestPlaceProperties(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		var hs []Host
		for i := range r.IntN(6) {
			hs = append(hs, Host{ID: fmt.Sprintf("H%d", i), Draining: r.IntN(5) == 0, Labels: map[string]string{"zone": fmt.Sprint(r.IntN(3))}})
		}
		var ws []Workload
		for i := range 1 + r.IntN(4) {
			w := Workload{Kind: linkstate.ComponentWorkload, Name: fmt.Sprint("w", i), Instances: r.Uint32N(9)}
			if r.IntN(2) == 0 {
				w.Kind = linkstate.ProviderWorkload
			}
			for z := range r.IntN(3) {
				w.Spread = append(w.Spread, linkstate.Spread{Weight: r.Uint32N(200), Requirements: map[string]string{"zone": fmt.Sprint(z)}})
			}
			for h := range 7 {
				if r.IntN(3) == 0 {
					w.Current = append(w.Current, linkstate.Placed{Host: fmt.Sprintf("H%d", h), Count: 1 + r.Uint32N(4)})
				}
			}
			ws = append(ws, w)
		}
		first := Place(ws, hs)
		missing := map[string]uint32{}
		for _, p := range first.Problems {
			missing[p.Name] += p.Missing
		}
		for i, a := range first.Assignments {
			n := uint32(0)
			for _, p := range a.Hosts {
				n += p.Count
				if a.Kind == linkstate.ProviderWorkload && p.Count != 1 {
					t.Fatalf("seed %d: provider %d times on %s", seed, p.Count, p.Host)
				}
				for _, h := range hs {
					if h.ID == p.Host && h.Draining {
						t.Fatalf("seed %d: placed on draining %s", seed, h.ID)
					}
				}
			}
			if want := max(ws[i].Instances, 1); n+missing[a.Name] != want {
				t.Fatalf("seed %d: %s has %d and misses %d, want %d", seed, a.Name, n, missing[a.Name], want)
			}
		}
		again := append([]Workload(nil), ws...)
		for i := range again {
			again[i].Current = first.Assignments[i].Hosts
		}
		r.Shuffle(len(hs), func(i, j int) { hs[i], hs[j] = hs[j], hs[i] })
		if second := Place(again, hs); !reflect.DeepEqual(second.Assignments, first.Assignments) {
			t.Fatalf("seed %d: placing again moves\n%v\n%v", seed, first.Assignments, second.Assignments)
		}
	}
}
