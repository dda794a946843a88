package httpserver

import (
	"cmp"
	"net"
	"path"
	"slices"
	"strings"

	"latticework/internal/errcode"
	"latticework/providers"
)

// table is the routes of one address, immutable. A host's own routes come
// before those of a pattern, longer patterns before shorter ones, those for
// any host last; among the routes of one host longer paths come first.
type table struct {
	all   []*route
	hosts map[string][]*route // by the whole name
	below []suffix            // patterns, longest first
	any   []*route
}

// suffix is the routes of a pattern.
type suffix struct {
	end    string // with its dot: .example.com
	routes []*route
}

func newTable(all []*route) *table {
	t := &table{all: all, hosts: map[string][]*route{}}
	sorted := slices.SortedStableFunc(slices.Values(all), func(a, b *route) int {
		return cmp.Or(cmp.Compare(len(b.host), len(a.host)), cmp.Compare(len(b.path), len(a.path)))
	})
	for _, r := range sorted {
		end, pattern := strings.CutPrefix(r.host, "*")
		switch {
		case r.host == "":
			t.any = append(t.any, r)
		case !pattern:
			t.hosts[r.host] = append(t.hosts[r.host], r)
		default:
			i := slices.IndexFunc(t.below, func(s suffix) bool { return s.end == end })
			if i < 0 {
				i = len(t.below)
				t.below = append(t.below, suffix{end: end})
			}
			t.below[i].routes = append(t.below[i].routes, r)
		}
	}
	return t
}

// check reports whether another link has the same requests as r.
func (t *table) check(r *route) error {
	for _, have := range t.routes() {
		if have.host == r.host && have.path == r.path && have.link.Key() != r.link.Key() {
			return errcode.New(errcode.Exists, "link %s: the requests of host %q, path %q go to %s already", r.link, r.host, r.path, have.link.Target).
				WithNext("give one of the two links another path or host")
		}
	}
	return nil
}

// checkRevision reports whether a newer revision of l is in the table.
func (t *table) checkRevision(l providers.Link) error {
	for _, have := range t.routes() {
		if have.link.Key() == l.Key() && have.link.Revision > l.Revision {
			return errcode.New(errcode.Conflict, "link %s: revision %d is served already, newer than %d", l, have.link.Revision, l.Revision)
		}
	}
	return nil
}

func (t *table) routes() []*route {
	if t == nil {
		return nil
	}
	return t.all
}

// with returns the table with r in the place of its link's older revisions.
func (t *table) with(r *route) *table {
	return newTable(append(t.withoutLink(r.link.Key()).all, r))
}

func (t *table) withoutLink(key string) *table {
	return t.filter(func(r *route) bool { return r.link.Key() != key })
}

func (t *table) without(gone *route) *table {
	return t.filter(func(r *route) bool { return r != gone })
}

func (t *table) filter(keep func(*route) bool) *table {
	routes := make([]*route, 0, len(t.routes())+1)
	for _, r := range t.routes() {
		if keep(r) {
			routes = append(routes, r)
		}
	}
	return newTable(routes)
}

// match returns the route for a request, nil if there is none.
func (t *table) match(host, path string) *route {
	if t == nil {
		return nil
	}
	path = clean(path)
	if len(t.any) == len(t.all) {
		return covering(t.any, path)
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if r := covering(t.hosts[host], path); r != nil {
		return r
	}
	for _, s := range t.below {
		if len(host) > len(s.end) && strings.HasSuffix(host, s.end) {
			if r := covering(s.routes, path); r != nil {
				return r
			}
		}
	}
	return covering(t.any, path)
}

func covering(routes []*route, path string) *route {
	for _, r := range routes {
		if covers(r.path, path) {
			return r
		}
	}
	return nil
}

func covers(prefix, path string) bool {
	return prefix == "/" || (strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/'))
}

// clean resolves . and .. and empty segments, so that no spelling of a path
// leads around a longer prefix.
func clean(p string) string {
	if !strings.HasPrefix(p, "/") {
		return "/"
	}
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return p
	}
	return path.Clean(p)
}
