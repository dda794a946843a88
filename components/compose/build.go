package compose

import (
	"latticework/components/internal/binary"
	"latticework/components/internal/encode"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
)

// builder writes the result.
type builder struct {
	out    *binary.Component
	units  []*unit // the socket is the first
	links  map[string]*link
	groups []*group
	top    *scope
	// Sizes of index spaces that top does not count.
	funcs, modules, components uint32
}

// add adds what the scope writes: types and aliases.
func (b *builder) add(i binary.DeclItem) { b.def(i.(binary.Item)) }

func (b *builder) def(i binary.Item) {
	b.out.Defs = append(b.out.Defs, binary.Def{Item: i})
}

// next takes the next index of a sort; types and instances are recorded by
// the scope.
func (b *builder) next(s binary.Sort) uint32 {
	n := &b.funcs
	switch s {
	case binary.SortType:
		n = &b.top.types
	case binary.SortInstance:
		n = &b.top.instances
	case binary.SortCoreModule:
		n = &b.modules
	case binary.SortComponent:
		n = &b.components
	}
	*n++
	return *n - 1
}

func (b *builder) build() ([]byte, error) {
	for _, g := range b.groups {
		b.importGroup(g)
	}
	if b.top.err != nil {
		return nil, b.top.err
	}
	raw := map[*binary.Component][]byte{}
	socket, plugs := b.units[0], b.units[1:]
	for _, u := range append(append([]*unit{}, plugs...), socket) {
		c := &binary.Component{}
		raw[c] = u.Data
		b.def(c)
		u.index = b.next(binary.SortComponent)
	}
	for _, u := range plugs {
		b.instantiate(u)
	}
	for _, want := range socket.typ.Imports.List {
		if l := b.links[want.Name.Name]; l != nil {
			ref := b.alias(l.plug.instance, l.export)
			socket.args = append(socket.args, binary.Arg{Name: want.Name.Name, Ref: ref})
		}
	}
	b.instantiate(socket)
	b.exports(socket)
	if b.top.err != nil {
		return nil, b.top.err
	}
	out, err := (&encode.Encoder{Verbatim: raw}).Encode(b.out)
	if err != nil {
		return nil, errcode.New(errcode.Internal, "compose: %w", err)
	}
	return out, check(out)
}

// importGroup imports g and gives it to its members.
func (b *builder) importGroup(g *group) {
	entities := make([]validate.Entity, len(g.members))
	for i, m := range g.members {
		entities[i] = m.Entity
	}
	t := b.top.externType(entities)
	b.def(&binary.Import{Name: g.members[0].Name, Type: t})
	g.ref.Sort = entities[0].Sort
	switch g.ref.Sort {
	case binary.SortType:
		g.ref.Index = b.top.types
		b.top.named(entities)
	case binary.SortInstance:
		g.ref.Index = b.top.instances
		b.top.named(entities)
	default:
		g.ref.Index = b.next(g.ref.Sort)
	}
	for _, m := range g.members {
		m.unit.args = append(m.unit.args, binary.Arg{Name: m.Name.Name, Ref: g.ref})
	}
}

func (b *builder) instantiate(u *unit) {
	b.def(&binary.Instance{Component: u.index, Args: u.args})
	u.instance = b.next(binary.SortInstance)
}

// alias takes an export out of an instance.
func (b *builder) alias(instance uint32, e validate.Extern) binary.SortIdx {
	b.def(&binary.Alias{Kind: binary.AliasExport, Sort: e.Sort, Instance: instance, Name: e.Name.Name})
	return binary.SortIdx{Sort: e.Sort, Index: b.next(e.Sort)}
}

// exports exports what u exports. What refers to a type that was exported by
// itself is exported by a type that names it as this component does.
func (b *builder) exports(u *unit) {
	named := map[*validate.Type]bool{}
	for _, e := range u.typ.Exports.List {
		x := &binary.Export{Name: e.Name, Ref: b.alias(u.instance, e)}
		one := []validate.Entity{e.Entity}
		if refers(e.Type, named) {
			t := b.top.externType(one)
			x.Type = &t
		}
		b.def(x)
		switch e.Sort {
		case binary.SortType:
			named[e.Type] = true
			b.top.named(one)
		default:
			b.next(e.Sort)
		}
	}
}

// refers reports whether t is made of a type in named.
func refers(t *validate.Type, named map[*validate.Type]bool) bool {
	if t == nil || len(named) == 0 {
		return false
	}
	found := false
	seen := map[*validate.Type]bool{}
	var walk func(*validate.Type) error
	walk = func(t *validate.Type) error {
		if t == nil || seen[t] || found {
			return nil
		}
		seen[t] = true
		found = named[t]
		return parts(t, walk)
	}
	_ = walk(t) // it never fails
	return found
}

// check validates the result.
func check(out []byte) error {
	tree, err := binary.Decode(out, binary.Limits{})
	if err == nil {
		err = validate.Validate(tree, out)
	}
	if err != nil {
		return errcode.New(errcode.Of(err), "compose: the parts do not make a valid component: %w", err)
	}
	return nil
}
