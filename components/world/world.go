// Package world reads the world of a component from its binary: what it
// imports and exports, as WIT. Nothing is compiled.
package world

import (
	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
	"latticework/wit"
)

// Text returns the world of a component as WIT: one file, with the world
// root:component/root and all packages that it refers to. Parsed again, it
// gives the same world. Documentation and feature gates are not part of a
// component.
//
// Errors:
//   - errcode.Invalid if data is not a valid component.
//   - errcode.Unsupported if WIT cannot say what the component imports or
//     exports, such as a core module, a component, or an exported type that
//     belongs to no interface.
func Text(data []byte) (string, error) {
	text, _, _, err := read(data)
	return text, err
}

// Of returns the world of a component, in the package root:component, and all
// packages it refers to: what Text's text says.
//
// Errors: as Text.
func Of(data []byte) (*wit.Resolve, *wit.World, error) {
	_, r, w, err := read(data)
	return r, w, err
}

// read prints the world and parses what it printed, so that there is no text
// that says something else, or nothing.
func read(data []byte) (string, *wit.Resolve, *wit.World, error) {
	b, err := build(data)
	if err != nil {
		return "", nil, nil, err
	}
	text := wit.PrintResolve(&wit.Resolve{Packages: b.packages}, b.main)
	r, main, err := wit.ParseText("component.wit", text)
	if err != nil {
		return "", nil, nil, errcode.New(errcode.Unsupported, "read world: WIT cannot say what this component imports and exports: %w", err)
	}
	return text, r, main.World("root"), nil
}

// builder makes the model of a world. It remembers where types are defined:
// other interfaces use them from there.
type builder struct {
	main     *wit.Package
	world    *wit.World
	packages []*wit.Package
	// nodes holds the definition of each node that has a name, origins that
	// of the first node with the same fields.
	nodes     map[*validate.Type]*wit.TypeDef
	origins   map[*validate.Field]*wit.TypeDef
	resources map[*validate.Resource]*wit.TypeDef
}

func build(data []byte) (*builder, error) {
	tree, err := binary.Decode(data, binary.Limits{})
	if err != nil {
		return nil, err
	}
	info, err := validate.Check(tree, data)
	if err != nil {
		return nil, err
	}
	b := &builder{
		main:      &wit.Package{Name: wit.PackageName{Namespace: "root", Name: "component"}},
		nodes:     map[*validate.Type]*wit.TypeDef{},
		origins:   map[*validate.Field]*wit.TypeDef{},
		resources: map[*validate.Resource]*wit.TypeDef{},
	}
	b.world = &wit.World{Name: "root", Package: b.main}
	b.main.Worlds = []*wit.World{b.world}
	b.packages = []*wit.Package{b.main}
	for _, e := range info.Type.Imports.List {
		if err := b.item(e, true); err != nil {
			return nil, err
		}
	}
	for _, e := range info.Type.Exports.List {
		if err := b.item(e, false); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// item adds an import or export to the world.
func (b *builder) item(e validate.Extern, imported bool) error {
	what, list := "export", &b.world.Exports
	if imported {
		what, list = "import", &b.world.Imports
	}
	item := wit.WorldItem{Name: e.Name.Name}
	if id := e.Name.ExternalID; id != nil {
		item.ExternalID = *id
	}
	switch {
	case e.Sort == binary.SortInstance:
		s, err := b.iface(e)
		if err != nil {
			return err
		}
		item.Interface = s
	case e.Sort == binary.SortFunc:
		s := &scope{builder: b}
		item.Func = s.function(e)
	case e.Sort == binary.SortType && imported:
		s := &scope{builder: b}
		item.Type = s.define(e.Name.Name, e.Type)
	default:
		return errcode.New(errcode.Unsupported, "read world: %s %q is a %s: WIT cannot say that", what, e.Name.Name, e.Sort)
	}
	*list = append(*list, item)
	return nil
}

// iface returns the interface of an instance. One that is both imported and
// exported has what either has.
func (b *builder) iface(e validate.Extern) (*wit.Interface, error) {
	name, plain, ok := wit.ParseQualified(e.Name.Name)
	var i *wit.Interface
	if ok {
		i = b.find(name, plain)
	} else {
		i = &wit.Interface{Package: b.main}
	}
	s := &scope{builder: b, iface: i}
	for _, x := range e.Type.Instance.Exports.List {
		switch x.Sort {
		case binary.SortType:
			if err := s.typeExport(x); err != nil {
				return nil, err
			}
		case binary.SortFunc:
			if err := s.funcExport(x); err != nil {
				return nil, err
			}
		default:
			return nil, errcode.New(errcode.Unsupported, "read world: %s of %s is a %s: WIT cannot say that", x.Name.Name, e.Name.Name, x.Sort)
		}
	}
	return i, nil
}

// find returns the interface of a package, made if it is new.
func (b *builder) find(name wit.PackageName, plain string) *wit.Interface {
	var p *wit.Package
	for _, have := range b.packages {
		if have.Name == name {
			p = have
		}
	}
	if p == nil {
		p = &wit.Package{Name: name}
		b.packages = append(b.packages, p)
	}
	if i := p.Interface(plain); i != nil {
		return i
	}
	i := &wit.Interface{Name: plain, Package: p}
	p.Interfaces = append(p.Interfaces, i)
	return i
}
