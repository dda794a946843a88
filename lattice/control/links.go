package control

import (
	"context"
	"slices"
	"strings"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// find returns the one link that a query names.
func find(v *linkstate.View, q lattice.LinkQuery) (*linkstate.Link, error) {
	links := v.FindLinks(q.Source, q.Name, q.Package, q.Interfaces)
	what := "link of " + q.Source + " to " + q.Package
	if q.Name != "" {
		what += " named " + q.Name
	}
	switch len(links) {
	case 1:
		return links[0], nil
	case 0:
		err := errcode.New(errcode.NotFound, "%s does not exist", what)
		if near := nearestLink(v, q); near != "" {
			return nil, err.WithNext("did you mean %s?", near)
		}
		return nil, err.WithNext("lattice link list")
	}
	var sets []string
	for _, l := range links {
		sets = append(sets, strings.Join(l.Interfaces, ","))
	}
	return nil, errcode.New(errcode.Invalid, "%s: %d links match, with the interfaces %s", what, len(links), strings.Join(sets, " and ")).
		WithNext("name the interfaces: --interface %s", links[0].Interfaces[0])
}

// nearestLink returns a link that a query may have meant.
func nearestLink(v *linkstate.View, q lattice.LinkQuery) string {
	var names []string
	for _, l := range v.Links() {
		names = append(names, l.Source+" "+l.PackageName())
	}
	return nearest(q.Source+" "+q.Package, names)
}

// checkTarget says at once, with a name that is near, that a target does not
// exist.
func checkTarget(v *linkstate.View, name string) error {
	var names []string
	for _, c := range v.Components() {
		names = append(names, c.Name)
	}
	for _, p := range v.Providers() {
		names = append(names, p.Name)
	}
	if slices.Contains(names, name) {
		return nil
	}
	err := errcode.New(errcode.NotFound, "component or provider %q does not exist", name)
	if near := nearest(name, names); near != "" {
		return err.WithNext("did you mean %q?", near)
	}
	return err.WithNext("lattice get providers")
}

func (s *Service) putLink(ctx context.Context, request string, r lattice.PutLinkRequest) (lattice.LinkReply, error) {
	if len(r.Link.Targets) > 1 {
		return lattice.LinkReply{}, errcode.New(errcode.Unsupported, "put link of %q: several targets are not routed yet: %d > 1", r.Link.Source, len(r.Link.Targets))
	}
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.LinkReply{}, err
	}
	for _, name := range append([]string{r.Link.Source}, targetNames(r.Link.Targets)...) {
		if err := checkTarget(v, name); err != nil {
			return lattice.LinkReply{}, err
		}
	}
	old := v.Link(r.Link.LinkKey)
	c := linkstate.Command{PutLink: &linkstate.PutLink{Link: r.Link, Expect: r.Expect}}
	switch {
	case old == nil:
		if err := s.tryLink(ctx, v, &r.Link, nil); err != nil {
			return lattice.LinkReply{}, err
		}
	case len(r.Link.Targets) == 1 && !sameTargets(old.Targets, r.Link.Targets):
		rep, err := s.swap(ctx, request, old, r.Link.Targets, r.PutOptions)
		if err != nil {
			return rep, err
		}
		c.PutLink.Expect = nil // held for the swap
		res, err := s.apply(ctx, request, "", c)
		if err != nil {
			return rep, err
		}
		rep.Index = max(rep.Index, res.Index)
		rep.Link = linkOf(s.store.Local(), r.Link.LinkKey)
		return rep, nil
	}
	res, err := s.apply(ctx, request, "", c)
	if err != nil {
		return lattice.LinkReply{}, err
	}
	return s.linkReply(ctx, res, r.Link.LinkKey, r.Wait)
}

// linkReply answers a write of one commit; with wait, when it is acted on.
func (s *Service) linkReply(ctx context.Context, res linkstate.Result, key linkstate.LinkKey, wait bool) (lattice.LinkReply, error) {
	v := s.store.Local()
	rep := lattice.LinkReply{Link: linkOf(v, key), Index: res.Index, Unchanged: res.Unchanged}
	if !wait {
		return rep, nil
	}
	return rep, s.confirm(ctx, &rep, s.hosts.live(v.AffectedHosts(&rep.Link)), max(res.Revision, res.Index))
}

// confirm waits until hosts act on an index. A host that is live and does not
// is an error: what was asked is committed, but not yet true everywhere.
func (s *Service) confirm(ctx context.Context, rep *lattice.LinkReply, hosts []lattice.HostID, index uint64) error {
	rep.Applied, rep.Pending = s.waitApplied(ctx, hosts, min(index, s.store.Local().Index()))
	if len(rep.Pending) > 0 {
		return errcode.New(errcode.Deadline, "committed at %d, but %d of %d hosts did not confirm in time: %s", index, len(rep.Pending), len(hosts), s.names(rep.Pending)).
			WithNext("lattice link list shows which hosts act on it")
	}
	return nil
}

func (s *Service) names(ids []lattice.HostID) string {
	var out []string
	for _, id := range ids {
		out = append(out, s.nameOf(id))
	}
	return strings.Join(out, ", ")
}

func (s *Service) nameOf(id lattice.HostID) string {
	if h, _ := s.hosts.get(id); h.inventory.Name != "" {
		return h.inventory.Name
	}
	return string(id)
}

func linkOf(v *linkstate.View, key linkstate.LinkKey) linkstate.Link {
	if l := v.Link(key); l != nil {
		return *l
	}
	return linkstate.Link{}
}

func targetNames(targets []linkstate.Target) []string {
	var out []string
	for _, t := range targets {
		out = append(out, t.Name)
	}
	return out
}

// sameTargets reports whether two lists of targets lead to the same.
func sameTargets(a, b []linkstate.Target) bool {
	return slices.EqualFunc(a, b, func(x, y linkstate.Target) bool {
		return x.Name == y.Name && x.Weight == y.Weight && slices.Equal(x.Config, y.Config)
	})
}

func (s *Service) swapLink(ctx context.Context, request string, r lattice.SwapLinkRequest) (lattice.LinkReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.LinkReply{}, err
	}
	l, err := find(v, r.LinkQuery)
	if err != nil {
		return lattice.LinkReply{}, err
	}
	if err := checkTarget(v, r.To); err != nil {
		return lattice.LinkReply{}, err
	}
	t := linkstate.Target{Name: r.To, Config: r.Config}
	for _, now := range l.Targets {
		if now.Name == r.To && r.Config == nil {
			t.Config = now.Config
		}
	}
	return s.swap(ctx, request, l, []linkstate.Target{t}, r.PutOptions)
}

// swap leads a link to other targets: prepare, flip, and the drain that drive
// finds in link state. It returns when every affected live host sends new
// calls to the new targets.
func (s *Service) swap(ctx context.Context, request string, l *linkstate.Link, targets []linkstate.Target, o lattice.PutOptions) (lattice.LinkReply, error) {
	if err := s.roomToDrain(ctx, l.LinkKey); err != nil {
		return lattice.LinkReply{}, err
	}
	prepared, err := s.apply(ctx, request, ".prepare", linkstate.Command{
		PrepareSwap: &linkstate.PrepareSwap{Key: l.LinkKey, Targets: targets, Expect: o.Expect}})
	if err != nil {
		return lattice.LinkReply{}, err
	}
	if prepared.Unchanged {
		return s.linkReply(ctx, prepared, l.LinkKey, true)
	}
	old := drainKey{l.LinkKey.String(), l.Generation}
	if o.DrainBudget > 0 {
		s.mu.Lock()
		s.budgets[old] = o.DrainBudget
		s.mu.Unlock()
	}
	flipped, err := s.finishSwap(ctx, request, l.LinkKey, prepared.Generation)
	if err != nil {
		return lattice.LinkReply{}, err
	}
	v := s.store.Local()
	rep := lattice.LinkReply{Link: linkOf(v, l.LinkKey), Index: flipped.Index}
	hosts := s.hosts.live(v.AffectedHosts(&rep.Link))
	if err := s.confirm(ctx, &rep, hosts, flipped.Index); err != nil || !o.Wait {
		return rep, err
	}
	rep.Cut, err = s.waitDrained(ctx, l.LinkKey, prepared.Generation, l.Generation)
	rep.Drained = err == nil
	rep.Link = linkOf(s.store.Local(), l.LinkKey)
	return rep, err
}

// roomToDrain waits until one more generation of a link may drain.
func (s *Service) roomToDrain(ctx context.Context, key linkstate.LinkKey) error {
	for {
		v := s.store.Local()
		l := v.Link(key)
		if l == nil || len(l.Drains) < linkstate.MaxDrains {
			return nil
		}
		if _, err := s.store.Commits(ctx, v.Index()); err != nil && errcode.Of(err) != errcode.NotFound {
			return errcode.New(errcode.Exhausted, "swap link %s: generations draining: %d > %d: %w", key, len(l.Drains)+1, linkstate.MaxDrains, err)
		}
	}
}

// finishSwap takes a prepared swap to its flip, or back.
func (s *Service) finishSwap(ctx context.Context, request string, key linkstate.LinkKey, generation uint64) (linkstate.Result, error) {
	v := s.store.Local()
	l := v.Link(key)
	if l != nil && l.Swap != nil && l.Swap.Generation == generation {
		if err := s.prepare(ctx, v, l); err != nil {
			return linkstate.Result{}, s.abort(key, generation, err)
		}
	}
	res, err := s.apply(ctx, request, ".flip", linkstate.Command{FlipSwap: &linkstate.FlipSwap{Key: key, Generation: generation}})
	if err != nil && lattice.IsRefused(err) { // certainly not written
		return res, s.abort(key, generation, err)
	}
	return res, err
}

// abort takes a prepared swap back and returns why it was. Who asked may be
// gone: the store is told all the same.
func (s *Service) abort(key linkstate.LinkKey, generation uint64, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := s.apply(ctx, "", "", linkstate.Command{AbortSwap: &linkstate.AbortSwap{Key: key, Generation: generation}})
	if err != nil && errcode.Of(err) != errcode.Conflict {
		s.log.Warn("swap not taken back, will be when this member opens again", "link", key.String(), "error", err)
	}
	return why
}

func (s *Service) deleteLink(ctx context.Context, request string, r lattice.DeleteLinkRequest) (lattice.LinkReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.LinkReply{}, err
	}
	l, err := find(v, r.LinkQuery)
	if errcode.Of(err) == errcode.NotFound && r.Expect == nil {
		return lattice.LinkReply{Index: v.Index(), Unchanged: true}, nil
	}
	if err != nil {
		return lattice.LinkReply{}, err
	}
	hosts := s.hosts.live(v.AffectedHosts(l))
	res, err := s.apply(ctx, request, "", linkstate.Command{DeleteLink: &linkstate.DeleteLink{Key: l.LinkKey, Expect: r.Expect}})
	if err != nil {
		return lattice.LinkReply{}, err
	}
	rep := lattice.LinkReply{Index: res.Index, Unchanged: res.Unchanged}
	if r.Wait {
		err = s.confirm(ctx, &rep, hosts, res.Index)
	}
	return rep, err
}

func (s *Service) getLink(ctx context.Context, q lattice.LinkQuery) (lattice.LinkStatus, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.LinkStatus{}, err
	}
	l, err := find(v, q)
	if err != nil {
		return lattice.LinkStatus{}, err
	}
	return s.linkStatus(v, l), nil
}

func (s *Service) listLinks(ctx context.Context, _ none) (lattice.LinksReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.LinksReply{}, err
	}
	rep := lattice.LinksReply{Index: v.Index(), Links: []lattice.LinkStatus{}}
	for _, l := range v.Links() {
		rep.Links = append(rep.Links, s.linkStatus(v, l))
	}
	return rep, nil
}

func (s *Service) linkStatus(v *linkstate.View, l *linkstate.Link) lattice.LinkStatus {
	st := lattice.LinkStatus{Link: *l}
	for _, id := range v.AffectedHosts(l) {
		on := lattice.LinkOnHost{Host: lattice.HostID(id)}
		if h, ok := s.hosts.get(on.Host); ok {
			on.Live = h.state == hostLive
			on.Applied = h.beat.Applied >= l.Revision
			on.Error = h.linkError(l)
		}
		st.Hosts = append(st.Hosts, on)
	}
	return st
}
