package control

import (
	"context"
	"slices"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

func (s *Service) putConfig(ctx context.Context, request string, r lattice.PutConfigRequest) (lattice.WriteReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.WriteReply{}, err
	}
	var affected []string
	for _, l := range v.Links() {
		if !namesConfig(l, r.Config.Name) && !slices.ContainsFunc(v.Providers(), func(p *linkstate.Provider) bool {
			return slices.Contains(p.Config, r.Config.Name) && atEnd(l, p.Name)
		}) {
			continue
		}
		if err := s.tryLink(ctx, v, l, &r.Config); err != nil {
			return lattice.WriteReply{}, err
		}
		affected = append(affected, v.AffectedHosts(l)...)
	}
	res, err := s.apply(ctx, request, "", linkstate.Command{PutConfig: &linkstate.PutConfig{Config: r.Config, Expect: r.Expect}})
	if err != nil {
		return lattice.WriteReply{}, err
	}
	for _, c := range v.Components() {
		if slices.Contains(c.Config, r.Config.Name) {
			affected = append(affected, hostsOf(v, c.Name)...)
		}
	}
	for _, p := range v.Providers() {
		if slices.Contains(p.Config, r.Config.Name) {
			affected = append(affected, hostsOf(v, p.Name)...)
		}
	}
	return s.writeReply(ctx, res, affected, r.Wait)
}

// namesConfig reports whether a link names a config for its source or its
// present targets.
func namesConfig(l *linkstate.Link, name string) bool {
	return slices.Contains(l.SourceConfig, name) ||
		slices.ContainsFunc(l.Targets, func(t linkstate.Target) bool { return slices.Contains(t.Config, name) })
}

// writeReply answers a write; with wait, when the hosts act on it.
func (s *Service) writeReply(ctx context.Context, res linkstate.Result, hosts []string, wait bool) (lattice.WriteReply, error) {
	rep := lattice.WriteReply{Index: res.Index, Revision: res.Revision, Unchanged: res.Unchanged}
	if !wait {
		return rep, nil
	}
	slices.Sort(hosts)
	var confirmed lattice.LinkReply
	err := s.confirm(ctx, &confirmed, s.hosts.live(slices.Compact(hosts)), res.Index)
	rep.Applied, rep.Pending = confirmed.Applied, confirmed.Pending
	return rep, err
}

func (s *Service) getConfig(ctx context.Context, r lattice.NameRequest) (linkstate.Config, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return linkstate.Config{}, err
	}
	if c := v.Config(r.Name); c != nil {
		return *c, nil
	}
	var names []string
	for _, c := range v.Configs() {
		names = append(names, c.Name)
	}
	e := errcode.New(errcode.NotFound, "config %q does not exist", r.Name)
	if near := nearest(r.Name, names); near != "" {
		e = e.WithNext("did you mean %q?", near)
	}
	return linkstate.Config{}, e
}

func (s *Service) listConfigs(ctx context.Context, _ none) (lattice.ConfigsReply, error) {
	v, err := s.store.Read(ctx)
	if err != nil {
		return lattice.ConfigsReply{}, err
	}
	rep := lattice.ConfigsReply{Index: v.Index(), Configs: []linkstate.Config{}}
	for _, c := range v.Configs() {
		rep.Configs = append(rep.Configs, *c)
	}
	return rep, nil
}

func (s *Service) deleteConfig(ctx context.Context, request string, r lattice.NameRequest) (lattice.WriteReply, error) {
	res, err := s.apply(ctx, request, "", linkstate.Command{DeleteConfig: &linkstate.DeleteConfig{Name: r.Name, Expect: r.Expect}})
	if err != nil {
		return lattice.WriteReply{}, err
	}
	return s.writeReply(ctx, res, nil, false)
}
