package control

import (
	"context"
	"errors"
	"slices"
	"sync"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// prepare has the new targets of a link's swap made ready on every live host
// that will act on it.
func (s *Service) prepare(ctx context.Context, v *linkstate.View, l *linkstate.Link) error {
	next := *l
	next.Targets, next.Generation, next.Swap = l.Swap.Targets, l.Swap.Generation, nil
	return s.prepareOn(ctx, v, &next, nil, false)
}

// tryLink has a link tried before it is written: its sessions are opened,
// probed and closed again. override, if not nil, replaces a config of link
// state.
func (s *Service) tryLink(ctx context.Context, v *linkstate.View, l *linkstate.Link, override *linkstate.Config) error {
	return s.prepareOn(ctx, v, l, override, true)
}

// prepareOn asks the live hosts of the link's source and targets. Where the
// source runs somewhere, the targets must too; a link of which nothing runs
// yet passes untried.
func (s *Service) prepareOn(ctx context.Context, v *linkstate.View, l *linkstate.Link, override *linkstate.Config, dry bool) error {
	req := lattice.PrepareLink{Link: *l, Index: v.Index(), DryRun: dry, OwnConfig: map[string]map[string]string{}}
	req.Link.LinkKey = l.LinkKey.Normal()
	var err error
	if req.SourceConfig, err = resolve(v, l.SourceConfig, override); err != nil {
		return err
	}
	for _, p := range v.Providers() {
		if override == nil || !slices.Contains(p.Config, override.Name) || !atEnd(l, p.Name) {
			continue
		}
		if req.OwnConfig[p.Name], err = resolve(v, p.Config, override); err != nil {
			return err
		}
	}
	sources := s.hosts.live(hostsOf(v, l.Source))
	hosts := slices.Clone(sources)
	for _, t := range l.Targets {
		values, err := resolve(v, t.Config, override)
		if err != nil {
			return err
		}
		req.TargetConfig = append(req.TargetConfig, values)
		targets := s.hosts.live(hostsOf(v, t.Name))
		if len(targets) == 0 && len(sources) > 0 && !dry {
			return errcode.New(errcode.Unavailable, "link %s: its new target %q runs on no live host", req.Link.LinkKey, t.Name).
				WithNext("lattice get providers says where it should run and why it does not")
		}
		hosts = append(hosts, targets...)
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.PrepareBudget)
	defer cancel()
	errs := make([]error, len(hosts))
	var wg sync.WaitGroup
	for i, id := range hosts {
		wg.Go(func() {
			_, err := askHost[lattice.PrepareLink, lattice.Ready](ctx, s, id, lattice.HostOpPrepare, req)
			if err != nil {
				errs[i] = s.rejected(id, &req.Link, err)
			}
		})
	}
	wg.Wait()
	// The provider's own words before those of a host that did not answer.
	var first error
	for _, err := range errs {
		if err != nil && (first == nil || transient(first) && !transient(err)) {
			first = err
		}
	}
	return first
}

// atEnd reports whether a workload is the source or a present target of a link.
func atEnd(l *linkstate.Link, name string) bool {
	return l.Source == name || slices.ContainsFunc(l.Targets, func(t linkstate.Target) bool { return t.Name == name })
}

// rejected says which host rejected a link. The answer to the client is final:
// it is not marked as refused.
func (s *Service) rejected(id lattice.HostID, l *linkstate.Link, err error) error {
	e := errcode.New(errcode.Of(err), "link %s to %s on host %s: %s", l.LinkKey, l.Targets[0].Name, s.nameOf(id), err.Error())
	if next := errcode.NextOf(err); next != "" {
		e = e.WithNext("%s", next)
	}
	return e
}

func transient(err error) bool {
	return errors.Is(err, errcode.Deadline) || errors.Is(err, errcode.Unavailable)
}

func hostsOf(v *linkstate.View, workload string) []string {
	var out []string
	if a := v.AssignmentOf(workload); a != nil {
		for _, p := range a.Hosts {
			out = append(out, p.Host)
		}
	}
	return out
}

// resolve merges configs as View.ResolveConfig, with one of them replaced.
func resolve(v *linkstate.View, names []string, override *linkstate.Config) (map[string]string, error) {
	out := map[string]string{}
	for _, n := range names {
		c := v.Config(n)
		if override != nil && override.Name == n {
			c = override
		}
		if c == nil {
			return nil, errcode.New(errcode.NotFound, "config %q does not exist", n).
				WithNext("lattice config put %s KEY=VALUE", n)
		}
		for k, val := range c.Values {
			out[k] = val
		}
	}
	return out, nil
}
