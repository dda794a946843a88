package compose

import (
	"strings"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/wit"
)

// link is an export of a plug that goes into an import of the socket.
type link struct {
	plug   *unit
	export validate.Extern
	want   validate.Extern
}

// match finds what the plugs provide, by the name of the socket's import. An
// export of exactly that name goes before another version of it.
func match(socket *unit, plugs []*unit) (map[string]*link, error) {
	links := map[string]*link{}
	used := map[*unit]bool{}
	for _, want := range socket.typ.Imports.List {
		var found *link
		for _, p := range plugs {
			got, ok := provide(p, want)
			if !ok {
				continue
			}
			l := &link{p, got, want}
			switch exact := got.Name.Name == want.Name.Name; {
			case found == nil || exact && !found.exact():
				found = l
			case exact == found.exact():
				return nil, &DuplicateError{want.Name.Name, found.plug.Name, p.Name}
			}
		}
		if found != nil {
			links[want.Name.Name] = found
			used[found.plug] = true
		}
	}
	for _, p := range plugs {
		if !used[p] {
			return nil, nothing(socket, p)
		}
	}
	if len(plugs) == 0 {
		return nil, &NothingError{Socket: socket.Name, Plug: "no plug", Imports: namesOf(&socket.typ.Imports)}
	}
	return links, nil
}

func (l *link) exact() bool { return l.export.Name.Name == l.want.Name.Name }

// provide returns the export of p that fits want's name best.
func provide(p *unit, want validate.Extern) (best validate.Extern, ok bool) {
	for _, e := range p.typ.Exports.List {
		if e.Name.Name == want.Name.Name {
			return e, true
		}
		if e.Sort != binary.SortInstance || want.Sort != binary.SortInstance || !wit.MatchVersion(want.Name.Name, e.Name.Name) {
			continue
		}
		if !ok || newer(e, best) {
			best, ok = e, true
		}
	}
	return best, ok
}

// newer reports whether a's name has a higher version than b's.
func newer(a, b validate.Extern) bool {
	_, va := wit.SplitVersion(a.Name.Name)
	_, vb := wit.SplitVersion(b.Name.Name)
	return wit.CompareVersions(va, vb) > 0
}

func namesOf(x *validate.Externs) []string {
	names := make([]string, len(x.List))
	for i, e := range x.List {
		names[i] = e.Name.Name
	}
	return names
}

func nothing(socket, plug *unit) error {
	e := &NothingError{
		Socket: socket.Name, Plug: plug.Name,
		Imports: namesOf(&socket.typ.Imports), Exports: namesOf(&plug.typ.Exports),
	}
	for _, im := range e.Imports {
		for _, ex := range e.Exports {
			if alike(im, ex) {
				e.Close = append(e.Close, [2]string{im, ex})
			}
		}
	}
	return e
}

// alike reports whether two names are the same but for version, package or
// case.
func alike(a, b string) bool {
	last := func(s string) string {
		s, _ = wit.SplitVersion(s)
		return strings.ToLower(s[strings.LastIndexByte(s, '/')+1:])
	}
	return last(a) == last(b)
}
