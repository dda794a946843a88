package wiring

import (
	"path/filepath"
	"slices"

	"latticework/components/wasi"
	"latticework/internal/errcode"
	"latticework/internal/grant"
	"latticework/internal/httpout"
	"latticework/lattice/linkstate"
)

// Granted returns what WASI is opened with for a component that is granted s.
// Streams, clocks and the program's name are the caller's to add.
func Granted(s grant.Set) wasi.Config {
	cfg := wasi.Config{Args: s.Args, Network: s.Net}
	for _, v := range s.Env {
		cfg.Env = append(cfg.Env, wasi.EnvVar{Name: v.Name, Value: v.Value})
	}
	for _, d := range s.Dirs {
		cfg.Preopens = append(cfg.Preopens, wasi.Preopen{HostDir: d.Host, GuestPath: d.Guest, ReadOnly: d.ReadOnly})
	}
	return cfg
}

// granted reads a component's grants and holds the folders against what the
// operator allows.
func (o Operator) granted(r *linkstate.Component) (grant.Set, error) {
	var set grant.Set
	if r == nil {
		return set, nil
	}
	for _, g := range r.Grants {
		if err := set.Add(grant.Kind(g.Kind), g.Text); err != nil {
			return set, errcode.New(errcode.Of(err), "grant of %s: %w", g.From, err)
		}
		if g.Kind != string(grant.KindDir) {
			continue
		}
		d := &set.Dirs[len(set.Dirs)-1]
		real, err := filepath.EvalSymlinks(d.Host)
		if err != nil {
			return set, errcode.New(errcode.NotFound, "grant of %s: there is no folder %s on this host", g.From, d.Host).
				WithNext("make the folder, or place the component where it is")
		}
		if !o.allows(real) {
			return set, errcode.New(errcode.Denied, "grant of %s: folder %s is not one that this host lets manifests grant: it runs without --allow-dir for it", g.From, d.Host).
				WithNext("start the host with --allow-dir %s", d.Host)
		}
		d.Host = real
	}
	return set, nil
}

// allows reports whether a folder, without symbolic links in its path, is one
// of the operator's or in one.
func (o Operator) allows(dir string) bool {
	return slices.ContainsFunc(o.Dirs, func(allowed string) bool {
		allowed, err := filepath.Abs(allowed)
		if err == nil {
			allowed, err = filepath.EvalSymlinks(allowed)
		}
		if err != nil {
			return false
		}
		rest, err := filepath.Rel(allowed, dir)
		return err == nil && filepath.IsLocal(rest)
	})
}

// clientConfig configures what sends requests for a component that is granted
// set, within its limits.
func clientConfig(set grant.Set, l linkstate.Limits) httpout.Config {
	return httpout.Config{
		Allow: set.Net, MaxRequests: int(l.OutgoingRequests),
		MaxHeaders: int(l.Headers), MaxHeaderBytes: int(l.HeaderBytes), MaxBuffered: int(l.BufferedBytes),
	}
}

// Client returns what sends requests for a component that is granted s.
//
// Errors: those of [httpout.New].
func Client(s grant.Set) (*httpout.Client, error) { return httpout.New(httpout.Config{Allow: s.Net}) }
