package control

import (
	"maps"
	"slices"
	"time"

	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/lattice/placement"
)

// placement keeps assignments as the desired workloads and the hosts want
// them.
func (s *Service) placement() {
	t := time.NewTicker(s.cfg.Heartbeat)
	defer t.Stop()
	for {
		s.assign()
		select {
		case <-s.place:
		case <-t.C: // for hosts that fell silent, and for what failed
		case <-s.ctx.Done():
			return
		}
	}
}

// assign places once.
func (s *Service) assign() {
	if s.cutOff() {
		return // everybody's silence is our own problem
	}
	v := s.store.Local()
	hosts := s.candidates()
	if len(hosts) == 0 && len(v.Assignments()) > 0 {
		return
	}
	workloads := workloadsOf(v)
	res := placement.Place(workloads, hosts)
	problems := map[string]string{}
	for _, p := range res.Problems {
		problems[string(p.Kind)+"/"+p.Name] = p.Reason
	}
	s.mu.Lock()
	s.problems = problems
	s.mu.Unlock()
	var changed []linkstate.Assignment
	for i, a := range res.Assignments {
		a = s.makeBeforeBreak(workloads[i].Current, a)
		if !slices.Equal(a.Hosts, workloads[i].Current) {
			changed = append(changed, a)
		}
	}
	if len(changed) > 0 {
		_, err := s.apply(s.ctx, "", "", linkstate.Command{Assign: &linkstate.Assign{Assignments: changed}})
		if err != nil {
			s.log.Debug("assignments not written, will try again", "error", err)
			return
		}
	}
	s.placed(v.Index())
}

// placed notes that assignments follow from link state of an index, and tells
// who waits for a deployment.
func (s *Service) placed(index uint64) {
	s.mu.Lock()
	news := index > s.placedAt
	s.placedAt = max(s.placedAt, index)
	s.mu.Unlock()
	if news {
		s.hosts.notify()
	}
}

// candidates returns the hosts that may have work.
func (s *Service) candidates() []placement.Host {
	var out []placement.Host
	for _, h := range s.hosts.list() {
		if h.state != hostLive && h.state != hostSuspect {
			continue
		}
		p := placement.Host{ID: string(h.beat.Host), Draining: h.beat.Draining, Labels: map[string]string{}}
		p.Silent = h.state == hostSuspect || h.inventory.Epoch != h.beat.Epoch
		maps.Copy(p.Labels, h.inventory.Labels)
		if h.inventory.Zone != "" {
			p.Labels["zone"] = h.inventory.Zone
		}
		out = append(out, p)
	}
	return out
}

func workloadsOf(v *linkstate.View) []placement.Workload {
	var out []placement.Workload
	add := func(kind linkstate.WorkloadKind, name string, instances uint32, spread []linkstate.Spread) {
		w := placement.Workload{Kind: kind, Name: name, Instances: instances, Spread: spread}
		if a := v.Assignment(kind, name); a != nil {
			w.Current = a.Hosts
		}
		out = append(out, w)
	}
	for _, p := range v.Providers() {
		add(linkstate.ProviderWorkload, p.Name, p.Instances, p.Spread)
	}
	for _, c := range v.Components() {
		add(linkstate.ComponentWorkload, c.Name, c.Instances, c.Spread)
	}
	return out
}

// makeBeforeBreak keeps a live host's part of a workload that moves until it
// runs where it moves to.
func (s *Service) makeBeforeBreak(current []linkstate.Placed, want linkstate.Assignment) linkstate.Assignment {
	arrived, wanted := len(want.Hosts) > 0, len(want.Hosts)
	for _, p := range want.Hosts {
		h, ok := s.hosts.get(lattice.HostID(p.Host))
		w, runs := h.running(want.Kind, want.Name)
		arrived = arrived && ok && runs && w.State == stateRunning
	}
	if arrived {
		return want
	}
	for _, c := range current {
		if h, _ := s.hosts.get(lattice.HostID(c.Host)); wanted == 0 && !h.beat.Draining {
			continue // it may not stay there, and nobody else can take it
		}
		stays := slices.ContainsFunc(want.Hosts, func(p linkstate.Placed) bool { return p.Host == c.Host })
		if !stays && len(s.hosts.live([]string{c.Host})) > 0 {
			want.Hosts = append(want.Hosts, c)
		}
	}
	slices.SortFunc(want.Hosts, func(a, b linkstate.Placed) int {
		if a.Host < b.Host {
			return -1
		}
		return 1
	})
	return want
}

// stateRunning and stateFailed are states of a lattice.RunningWorkload.
const (
	stateRunning = "running"
	stateFailed  = "failed"
)

// problem returns why a workload is not placed as asked, "" if it is.
func (s *Service) problem(kind linkstate.WorkloadKind, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problems[string(kind)+"/"+name]
}
