// Package placement decides which hosts run which components and providers.
// It is pure: the same input gives the same answer on every machine.
package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"latticework/lattice/linkstate"
)

// Host is a host that may be given work.
type Host struct {
	ID       string
	Labels   map[string]string
	Draining bool // takes no work and keeps none
	Silent   bool // keeps what it has, whatever its labels, and is given nothing: not heard of lately
}

// Workload is a component or provider to be placed.
type Workload struct {
	Kind      linkstate.WorkloadKind
	Name      string
	Instances uint32 // 0 counts as 1
	Spread    []linkstate.Spread
	Current   []linkstate.Placed // where it is now; hosts that are gone may be among them
}

// Problem says why a workload is not placed as asked.
type Problem struct {
	Kind    linkstate.WorkloadKind
	Name    string
	Missing uint32 // instances without a host
	Reason  string
}

// Result is the answer of Place.
type Result struct {
	Assignments []linkstate.Assignment // one for each workload, in its order; Hosts may be empty
	Problems    []Problem
}

// Place assigns workloads to hosts.
//
// The instances of a workload are divided among its spread rules by weight;
// without rules, any host will do. Within a rule they are spread evenly over
// the hosts whose labels meet all requirements. A provider runs at most once
// on a host. What is placed well stays where it is: a host that joins gets
// only what is missing elsewhere.
func Place(workloads []Workload, hosts []Host) Result {
	hosts = slices.Clone(hosts)
	slices.SortFunc(hosts, func(a, b Host) int { return cmp.Compare(a.ID, b.ID) })
	total := map[string]uint32{} // instances on a host, of all workloads
	for _, w := range workloads {
		for _, p := range w.Current {
			total[p.Host] += p.Count
		}
	}
	var res Result
	for _, w := range workloads {
		placed, problems := placeOne(w, hosts, total)
		for _, p := range w.Current {
			total[p.Host] -= p.Count
		}
		a := linkstate.Assignment{Kind: w.Kind, Name: w.Name}
		for _, id := range slices.Sorted(maps.Keys(placed)) {
			if n := placed[id]; n > 0 {
				a.Hosts = append(a.Hosts, linkstate.Placed{Host: id, Count: n})
				total[id] += n
			}
		}
		res.Assignments = append(res.Assignments, a)
		res.Problems = append(res.Problems, problems...)
	}
	return res
}

// rule is a spread rule with its share and its hosts.
type rule struct {
	linkstate.Spread
	order    int // position in the workload's list
	want     uint32
	eligible []string // hosts that may be given instances
	keeping  []string // these, and hosts that may only keep what they have
}

func placeOne(w Workload, hosts []Host, total map[string]uint32) (map[string]uint32, []Problem) {
	rules := divide(w, hosts)
	// The rule with the fewest hosts chooses first what to keep.
	slices.SortStableFunc(rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(len(a.eligible), len(b.eligible)), cmp.Compare(a.order, b.order))
	})
	left := map[string]uint32{} // present instances not yet claimed by a rule
	for _, p := range w.Current {
		left[p.Host] += p.Count
		if w.Kind == linkstate.ProviderWorkload {
			left[p.Host] = min(left[p.Host], 1)
		}
	}
	placed := map[string]uint32{}
	missing := make([]uint32, len(rules))
	for i, r := range rules {
		missing[i] = r.want - keep(r, left, placed)
	}
	var problems []Problem
	for i, r := range rules {
		if n := add(w, r, missing[i], placed, total); n > 0 {
			problems = append(problems, Problem{Kind: w.Kind, Name: w.Name, Missing: n, Reason: r.reason(w, n, hosts)})
		}
	}
	return placed, problems
}

// divide gives each rule its share of the instances, by weight, the largest
// remainders first.
func divide(w Workload, hosts []Host) []rule {
	spread := w.Spread
	if len(spread) == 0 {
		spread = []linkstate.Spread{{}}
	}
	n, sum := uint64(max(w.Instances, 1)), uint64(0)
	rules := make([]rule, len(spread))
	for i, s := range spread {
		if s.Weight == 0 {
			s.Weight = 100
		}
		rules[i] = rule{Spread: s, order: i}
		sum += uint64(s.Weight)
	}
	given := uint64(0)
	remainder := make([]uint64, len(rules))
	for i := range rules {
		share := n * uint64(rules[i].Weight)
		rules[i].want = uint32(share / sum)
		remainder[i] = share % sum
		given += share / sum
	}
	byRemainder := make([]int, len(rules))
	for i := range byRemainder {
		byRemainder[i] = i
	}
	slices.SortStableFunc(byRemainder, func(a, b int) int { return cmp.Compare(remainder[b], remainder[a]) })
	for i := range int(n - given) {
		rules[byRemainder[i]].want++
	}
	for i := range rules {
		for _, h := range hosts {
			if h.Draining || !h.Silent && !meets(h.Labels, rules[i].Requirements) {
				continue
			}
			rules[i].keeping = append(rules[i].keeping, h.ID)
			if !h.Silent {
				rules[i].eligible = append(rules[i].eligible, h.ID)
			}
		}
	}
	return rules
}

func meets(labels, requirements map[string]string) bool {
	for k, v := range requirements {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// keep claims present instances on the rule's hosts, evenly, and returns how
// many.
func keep(r rule, left, placed map[string]uint32) uint32 {
	kept := uint32(0)
	claimed := map[string]uint32{}
	for kept < r.want {
		best := ""
		for _, id := range r.keeping {
			if left[id] > 0 && (best == "" || claimed[id] < claimed[best]) {
				best = id
			}
		}
		if best == "" {
			break
		}
		left[best]--
		claimed[best]++
		placed[best]++
		kept++
	}
	return kept
}

// add places n more instances, each on the host that has the fewest of the
// workload, then of all workloads. It returns how many found no host.
func add(w Workload, r rule, n uint32, placed, total map[string]uint32) uint32 {
	for ; n > 0; n-- {
		best := ""
		for _, id := range r.eligible {
			if w.Kind == linkstate.ProviderWorkload && placed[id] > 0 {
				continue
			}
			if best == "" || placed[id] < placed[best] || placed[id] == placed[best] && total[id] < total[best] {
				best = id
			}
		}
		if best == "" {
			return n
		}
		placed[best]++
	}
	return 0
}

func (r rule) reason(w Workload, missing uint32, hosts []Host) string {
	what := "any host"
	if len(r.Requirements) > 0 {
		parts := []string{}
		for _, k := range slices.Sorted(maps.Keys(r.Requirements)) {
			parts = append(parts, k+"="+r.Requirements[k])
		}
		what = "a host with " + strings.Join(parts, ", ")
	}
	draining, live := 0, 0
	for _, h := range hosts {
		if !h.Silent {
			live++
		}
		if h.Draining && meets(h.Labels, r.Requirements) {
			draining++
		}
	}
	have := fmt.Sprintf("of %d live hosts %d match", live, len(r.eligible))
	if draining > 0 {
		have += fmt.Sprintf(" and %d more are draining", draining)
	}
	if w.Kind == linkstate.ProviderWorkload && len(r.eligible) > 0 {
		return fmt.Sprintf("%d of %d instances without a host: want %s, at most one instance each; %s", missing, max(w.Instances, 1), what, have)
	}
	return fmt.Sprintf("%d of %d instances without a host: want %s; %s", missing, max(w.Instances, 1), what, have)
}
