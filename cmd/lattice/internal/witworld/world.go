// Package witworld shows a compiled component as a WIT world: what it imports
// and exports, with the packages that these names need.
package witworld

import (
	"strings"

	"latticework/components"
	"latticework/wit"
)

// Of returns the world of a component, in the package root:component, and all
// packages it refers to. Documentation is not part of a component.
func Of(c *components.Component) (*wit.Resolve, *wit.World) {
	b := &builder{
		main:   &wit.Package{Name: wit.PackageName{Namespace: "root", Name: "component"}},
		ifaces: map[string]*wit.Interface{},
		types:  map[*wit.Type]*wit.TypeDef{}, resources: map[*wit.Resource]*wit.TypeDef{},
	}
	b.packages = []*wit.Package{b.main}
	w := &wit.World{Name: "root", Package: b.main}
	b.main.Worlds = []*wit.World{w}
	for _, e := range c.Imports() {
		w.Imports = append(w.Imports, b.item(e))
	}
	for _, e := range c.Exports() {
		w.Exports = append(w.Exports, b.item(e))
	}
	return &wit.Resolve{Packages: b.packages}, w
}

// Text returns the world and its packages as one file.
func Text(c *components.Component) string {
	r, w := Of(c)
	return wit.PrintResolve(r, w.Package)
}

// builder collects packages and remembers where types are defined: another
// interface that has the same type uses it from there.
type builder struct {
	main      *wit.Package
	packages  []*wit.Package
	ifaces    map[string]*wit.Interface
	types     map[*wit.Type]*wit.TypeDef
	resources map[*wit.Resource]*wit.TypeDef
}

func (b *builder) item(e components.Extern) wit.WorldItem {
	if e.Plain && len(e.Funcs) > 0 {
		return wit.WorldItem{Name: e.Name, Func: &wit.Func{Name: e.Name, Type: e.Funcs[0].Type}}
	}
	name, plain, ok := wit.ParseQualified(e.Name)
	if !ok {
		i := &wit.Interface{Package: b.main}
		b.fill(i, e)
		return wit.WorldItem{Name: e.Name, Interface: i}
	}
	i := b.ifaces[e.Name]
	if i == nil {
		p := b.pkg(name)
		i = &wit.Interface{Name: plain, Package: p}
		b.ifaces[e.Name] = i
		p.Interfaces = append(p.Interfaces, i)
		b.fill(i, e)
	}
	return wit.WorldItem{Name: e.Name, Interface: i}
}

func (b *builder) pkg(name wit.PackageName) *wit.Package {
	for _, p := range b.packages {
		if p.Name == name {
			return p
		}
	}
	p := &wit.Package{Name: name}
	b.packages = append(b.packages, p)
	return p
}

// fill adds the types and functions of e to i.
func (b *builder) fill(i *wit.Interface, e components.Extern) {
	own := map[*wit.Resource]*wit.TypeDef{}
	for _, t := range e.Types {
		d := &wit.TypeDef{Name: t.Name, Owner: i, Type: t.Type, Resource: t.Resource}
		switch {
		case t.Resource != nil:
			if d.Alias = b.resources[t.Resource]; d.Alias == nil {
				b.resources[t.Resource] = d
				own[t.Resource] = d
			}
			d.Type = &wit.Type{Resource: t.Resource}
		case t.Type.Name != "":
			if d.Alias = b.types[t.Type]; d.Alias == nil {
				b.types[t.Type] = d
			}
		}
		i.Types = append(i.Types, d)
	}
	n := &namer{types: i.Types, done: map[*wit.Type]*wit.Type{}}
	for _, d := range i.Types {
		if d.Alias == nil && d.Resource == nil {
			n.inside(d)
		}
	}
	for _, f := range e.Funcs {
		fn := &wit.Func{Name: f.Name, Type: n.function(f.Type)}
		if kind, resource := kindOf(f.Name); kind != wit.FreeFunc {
			fn.Kind = kind
			for r, d := range own {
				if d.Name == resource {
					fn.Resource = r
					d.Methods = append(d.Methods, fn)
				}
			}
		}
		i.Funcs = append(i.Funcs, fn)
	}
}

// kindOf reads the annotation of a function's name, and its resource's name.
func kindOf(name string) (wit.FuncKind, string) {
	for prefix, kind := range map[string]wit.FuncKind{"[method]": wit.Method, "[static]": wit.Static, "[constructor]": wit.Constructor} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			resource, _, _ := strings.Cut(rest, ".")
			return kind, resource
		}
	}
	return wit.FreeFunc, ""
}
