package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

func (s *Service) deploy(ctx context.Context, request string, r lattice.DeployRequest) (lattice.WriteReply, error) {
	c := r.Deploy
	if r.Expect != nil {
		c.Expect = r.Expect
	}
	for _, l := range c.Links {
		if len(l.Targets) > 1 {
			return lattice.WriteReply{}, errcode.New(errcode.Unsupported, "deploy application %q: link of %q: several targets are not routed yet: %d > 1",
				c.Application.Name, l.Source, len(l.Targets))
		}
	}
	res, err := s.apply(ctx, request, "", linkstate.Command{DeployApplication: &c})
	if err != nil {
		return lattice.WriteReply{}, err
	}
	rep := lattice.WriteReply{Index: res.Index, Revision: res.Revision, Unchanged: res.Unchanged}
	if !r.Wait {
		return rep, nil
	}
	return rep, s.waitDeployed(ctx, c.Application.Name, res.Index)
}

// unplacedGrace is how long a deployment waits for a host that could take a
// part, before it says that there is none.
const unplacedGrace = 3 * time.Second

// waitDeployed waits until every part of an application runs.
func (s *Service) waitDeployed(ctx context.Context, name string, index uint64) error {
	began := time.Now()
	for {
		next := s.hosts.next()
		var a assessment
		if !s.hasPlaced(index) {
			a = assessment{missing: []string{"it is not placed yet"}}
		} else if id := s.unheard(name, index); id != "" {
			a = assessment{missing: []string{"host " + s.nameOf(id) + " has not said yet how it is doing"}}
		} else {
			// Only now: what was heard before may be of the state before.
			a = s.assess(s.store.Local(), name)
		}
		switch {
		case len(a.failed) > 0:
			return errcode.New(errcode.Unavailable, "application %q is committed, but %s", name, strings.Join(a.failed, "; ")).
				WithNext("correct it and deploy again, or remove it: lattice delete application %s", name)
		case len(a.missing) == 0:
			return nil
		case len(a.unplaced) > 0 && time.Since(began) > unplacedGrace:
			return errcode.New(errcode.Unavailable, "application %q is committed, but %s", name, strings.Join(a.unplaced, "; ")).
				WithNext("add a host that matches; it is placed as soon as one is there")
		}
		t := time.NewTimer(s.cfg.Heartbeat) // also for time that passes and commits without hosts
		select {
		case <-next:
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return errcode.New(errcode.Of(ctx.Err()), "application %q is committed, but not all of it runs yet: %s: %w", name, strings.Join(a.missing, "; "), ctx.Err())
		}
		t.Stop()
	}
}

func (s *Service) hasPlaced(index uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.placedAt >= min(index, s.store.Local().Index())
}

// unheard returns a live host with a part of an application whose inventory is
// older than link state of index, "" if there is none.
func (s *Service) unheard(app string, index uint64) lattice.HostID {
	v := s.store.Local()
	for _, as := range v.Assignments() {
		c, p := v.Component(as.Name), v.Provider(as.Name)
		if !(as.Kind == linkstate.ComponentWorkload && c != nil && c.App == app) && !(as.Kind == linkstate.ProviderWorkload && p != nil && p.App == app) {
			continue
		}
		for _, on := range as.Hosts {
			h, ok := s.hosts.get(lattice.HostID(on.Host))
			if ok && h.state == hostLive && (h.said < min(index, v.Index()) || h.inventory.Epoch != h.beat.Epoch || h.inventory.Revision < h.beat.Inventory) {
				return h.beat.Host
			}
		}
	}
	return ""
}

// assessment is how an application is doing.
type assessment struct {
	missing  []string // what does not run yet, for whatever reason
	failed   []string // what will not run without a change
	unplaced []string // what no host may take
}

func (s *Service) assess(v *linkstate.View, app string) assessment {
	var a assessment
	if v.Application(app) == nil {
		return a
	}
	for _, p := range v.Providers() {
		if p.App == app {
			s.assessWorkload(&a, v, linkstate.ProviderWorkload, p.Name, p.Revision)
		}
	}
	for _, c := range v.Components() {
		if c.App == app {
			s.assessWorkload(&a, v, linkstate.ComponentWorkload, c.Name, c.Revision)
		}
	}
	for _, l := range v.Links() {
		if l.App != app {
			continue
		}
		for _, id := range v.AffectedHosts(l) {
			h, _ := s.hosts.get(lattice.HostID(id))
			if h.opening(l) && h.state == hostLive {
				a.missing = append(a.missing, fmt.Sprintf("link %s to %s opens on host %s", l.LinkKey, l.Targets[0].Name, s.nameOf(h.beat.Host)))
			}
			if e := h.linkError(l); e != nil && h.state == hostLive {
				text := fmt.Sprintf("link %s to %s on host %s: %s", l.LinkKey, l.Targets[0].Name, s.nameOf(h.beat.Host), e.Msg)
				if e.Next != "" {
					text += " (" + e.Next + ")"
				}
				a.failed = append(a.failed, text)
			}
		}
	}
	return a
}

func (s *Service) assessWorkload(a *assessment, v *linkstate.View, kind linkstate.WorkloadKind, name string, revision uint64) {
	what := string(kind) + " " + name
	if p := s.problem(kind, name); p != "" {
		a.unplaced = append(a.unplaced, what+": "+p)
	}
	as := v.Assignment(kind, name)
	if as == nil {
		a.missing = append(a.missing, what+" is not placed")
		return
	}
	for _, p := range as.Hosts {
		h, _ := s.hosts.get(lattice.HostID(p.Host))
		w, found := h.running(kind, name)
		switch {
		case !found || w.Revision < revision || w.State != stateRunning && w.State != stateFailed || h.state != hostLive:
			a.missing = append(a.missing, what+" starts on host "+s.nameOf(lattice.HostID(p.Host)))
		case w.State == stateFailed && w.Revision == revision:
			text := what + " failed on host " + s.nameOf(lattice.HostID(p.Host))
			if w.Message != "" {
				text += ": " + w.Message
			}
			a.failed = append(a.failed, text)
			a.missing = append(a.missing, text)
		}
	}
}

func (s *Service) deleteApplication(ctx context.Context, request string, r lattice.NameRequest) (lattice.WriteReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.WriteReply{}, err
	}
	var hosts []string
	for _, a := range v.Assignments() {
		if c := v.Component(a.Name); a.Kind == linkstate.ComponentWorkload && c != nil && c.App == r.Name {
			hosts = append(hosts, hostsOf(v, a.Name)...)
		}
		if p := v.Provider(a.Name); a.Kind == linkstate.ProviderWorkload && p != nil && p.App == r.Name {
			hosts = append(hosts, hostsOf(v, a.Name)...)
		}
	}
	res, err := s.apply(ctx, request, "", linkstate.Command{DeleteApplication: &linkstate.DeleteApplication{Name: r.Name, Expect: r.Expect}})
	if err != nil {
		return lattice.WriteReply{}, err
	}
	return s.writeReply(ctx, res, hosts, r.Wait)
}

func (s *Service) listApplications(ctx context.Context, _ none) (lattice.ApplicationsReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.ApplicationsReply{}, err
	}
	rep := lattice.ApplicationsReply{Index: v.Index(), Applications: []lattice.ApplicationStatus{}}
	for _, app := range v.Applications() {
		a := s.assess(v, app.Name)
		st := lattice.ApplicationStatus{Application: *app, Status: "deployed"}
		switch {
		case len(a.failed)+len(a.unplaced) > 0:
			st.Status, st.Problems = "failed", slices.Concat(a.failed, a.unplaced)
		case len(a.missing) > 0:
			st.Status, st.Problems = "deploying", a.missing
		}
		rep.Applications = append(rep.Applications, st)
	}
	return rep, nil
}

func (s *Service) listHosts(context.Context, none) (lattice.HostsReply, error) {
	rep := lattice.HostsReply{Hosts: []lattice.HostStatus{}}
	for _, h := range s.hosts.list() {
		if h.heard {
			rep.Hosts = append(rep.Hosts, lattice.HostStatus{Heartbeat: h.beat, Inventory: h.inventory, State: h.state, LastSeen: time.Since(h.seen)})
		}
	}
	return rep, nil
}

func (s *Service) listComponents(ctx context.Context, _ none) (lattice.ComponentsReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.ComponentsReply{}, err
	}
	rep := lattice.ComponentsReply{Index: v.Index(), Components: []lattice.ComponentStatus{}}
	for _, c := range v.Components() {
		rep.Components = append(rep.Components, lattice.ComponentStatus{Component: *c,
			Hosts: s.onHosts(v, linkstate.ComponentWorkload, c.Name), Problem: s.problem(linkstate.ComponentWorkload, c.Name)})
	}
	return rep, nil
}

func (s *Service) listProviders(ctx context.Context, _ none) (lattice.ProvidersReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.ProvidersReply{}, err
	}
	rep := lattice.ProvidersReply{Index: v.Index(), Providers: []lattice.ProviderStatus{}}
	for _, p := range v.Providers() {
		rep.Providers = append(rep.Providers, lattice.ProviderStatus{Provider: *p,
			Hosts: s.onHosts(v, linkstate.ProviderWorkload, p.Name), Problem: s.problem(linkstate.ProviderWorkload, p.Name)})
	}
	return rep, nil
}

// onHosts returns where a workload should run and where live hosts say it
// does.
func (s *Service) onHosts(v *linkstate.View, kind linkstate.WorkloadKind, name string) []lattice.WorkloadOnHost {
	var out []lattice.WorkloadOnHost
	as := v.Assignment(kind, name)
	for _, h := range s.hosts.list() {
		on := lattice.WorkloadOnHost{Host: h.beat.Host, HostName: h.inventory.Name, Assigned: as.On(string(h.beat.Host))}
		w, runs := h.running(kind, name)
		if runs && h.state == hostLive {
			on.RunningWorkload = w
		}
		if on.Assigned > 0 || runs && h.state == hostLive {
			on.Name = name
			if on.State == "" {
				on.State = h.state
				if h.state == hostLive {
					on.State = "starting"
				}
			}
			out = append(out, on)
		}
	}
	return out
}
