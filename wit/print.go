package wit

import (
	"fmt"
	"slices"
	"strings"
)

// PrintPackage returns the text of a package as one file, with its
// declaration. Parsed again beside the packages that it uses it gives the same
// package; of a world it shows everything that resolving added to it.
func PrintPackage(p *Package) string {
	w := &printer{pkg: p}
	w.docs(p.Docs)
	w.line("package %s;", escapePackage(p.Name))
	w.packageItems(p)
	return w.String()
}

// PrintResolve returns the text of all packages as one file: main first, the
// others nested in the order of their names, so that ParseText gives the same
// packages.
func PrintResolve(r *Resolve, main *Package) string {
	w := &printer{}
	w.WriteString(PrintPackage(main))
	others := slices.Clone(r.Packages)
	slices.SortFunc(others, func(a, b *Package) int { return comparePackages(a.Name, b.Name) })
	for _, p := range others {
		if p == main {
			continue
		}
		w.pkg = p
		w.WriteByte('\n')
		w.docs(p.Docs)
		w.open("package %s", escapePackage(p.Name))
		w.skipBlank = true
		w.packageItems(p)
		w.close()
	}
	return w.String()
}

// PrintInterface returns the text of an interface, as it stands in its
// package.
func PrintInterface(i *Interface) string {
	w := &printer{pkg: i.Package}
	w.namedInterface(i)
	return w.String()
}

// PrintWorld returns the text of a world, as it stands in its package.
func PrintWorld(world *World) string {
	w := &printer{pkg: world.Package}
	w.world(world)
	return w.String()
}

// PrintType returns the text of a type as it stands where it is used: the
// name of a definition, else the type itself.
func PrintType(t *Type) string {
	return typeText(newNames().expr(t))
}

// PrintFunc returns the text of a function type: "func(a: u32) -> string".
func PrintFunc(f *FuncType) string {
	return funcText(newNames().function(f), false)
}

// printer builds indented text.
type printer struct {
	strings.Builder
	pkg       *Package
	indent    int
	skipBlank bool // the next item is the first in its braces
	names     *names
}

func (w *printer) line(format string, args ...any) {
	w.WriteString(strings.Repeat("  ", w.indent))
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

func (w *printer) open(format string, args ...any) {
	w.line(format+" {", args...)
	w.indent++
}

func (w *printer) close() {
	w.indent--
	w.line("}")
}

// blank separates two items.
func (w *printer) blank() {
	if !w.skipBlank {
		w.WriteByte('\n')
	}
	w.skipBlank = false
}

func (w *printer) docs(docs string) {
	if docs == "" {
		return
	}
	for line := range strings.SplitSeq(docs, "\n") {
		w.line("%s", strings.TrimRight("/// "+line, " "))
	}
}

// head prints what comes before an item.
func (w *printer) head(docs string, s Stability, externalID string) {
	w.docs(docs)
	if s.Since != "" {
		w.line("@since(version = %s)", s.Since)
	}
	if s.Feature != "" {
		w.line("@unstable(feature = %s)", escape(s.Feature))
	}
	if s.Deprecated != "" {
		w.line("@deprecated(version = %s)", s.Deprecated)
	}
	if externalID != "" {
		w.line("@external-id(%s)", quote(externalID))
	}
}

func (w *printer) packageItems(p *Package) {
	for _, i := range p.Interfaces {
		w.blank()
		w.namedInterface(i)
	}
	for _, world := range p.Worlds {
		w.blank()
		w.world(world)
	}
}

func (w *printer) namedInterface(i *Interface) {
	w.head(i.Docs, i.Stability, "")
	w.open("interface %s", escape(i.Name))
	w.interfaceItems(i)
	w.close()
}

// interfaceItems prints types in their order, and the functions of the
// interface between them so that all functions keep theirs.
func (w *printer) interfaceItems(i *Interface) {
	outer := w.names
	defer func() { w.names = outer }()
	w.names = newNames(i.Types...)
	w.skipBlank = true
	methods := map[*Resource]*TypeDef{}
	for _, t := range i.Types {
		if t.Resource != nil && t.Alias == nil {
			methods[t.Resource] = t
		}
	}
	funcs := i.Funcs
	for _, t := range w.uses(i.Types) {
		if methods[t.Resource] == t && len(t.Methods) > 0 {
			for len(funcs) > 0 && funcs[0].Kind == FreeFunc {
				w.freeFunc(funcs[0])
				funcs = funcs[1:]
			}
			for len(funcs) > 0 && funcs[0].Resource == t.Resource {
				funcs = funcs[1:]
			}
		}
		w.typeDef(t)
	}
	for _, f := range funcs {
		if f.Kind == FreeFunc {
			w.freeFunc(f)
		}
	}
}

func (w *printer) freeFunc(f *Func) {
	w.blank()
	w.head(f.Docs, f.Stability, f.ExternalID)
	w.line("%s: %s;", escape(f.Name), funcText(w.names.source(f), false))
}

// uses prints those of the types that a `use` brings in, one for each
// interface, and returns the others.
func (w *printer) uses(types []*TypeDef) (rest []*TypeDef) {
	for n := 0; n < len(types); {
		from := w.usedFrom(types[n])
		if from == nil {
			rest = append(rest, types[n])
			n++
			continue
		}
		var list []string
		s := types[n].Stability
		for ; n < len(types) && w.usedFrom(types[n]) == from && types[n].Stability == s; n++ {
			t := types[n]
			name := escape(t.Alias.Name)
			if t.Alias.Name != t.Name {
				name += " as " + escape(t.Name)
			}
			list = append(list, name)
		}
		w.skipBlank = false
		w.head("", s, "")
		w.line("use %s.{%s};", w.path(from), strings.Join(list, ", "))
	}
	return rest
}

// usedFrom returns the interface from which t comes by a `use`, or nil.
func (w *printer) usedFrom(t *TypeDef) *Interface {
	if t.Alias == nil || t.Alias.Owner == nil || t.Alias.Owner == t.Owner || t.Alias.Owner.Name == "" {
		return nil
	}
	return t.Alias.Owner
}

// path returns the name of an interface as the package at hand writes it.
func (w *printer) path(i *Interface) string {
	if i.Package == nil || i.Package == w.pkg {
		return escape(i.Name)
	}
	name := escapePackage(i.Package.Name)
	version := ""
	if v := i.Package.Name.Version; v != "" {
		version = "@" + v
		name = strings.TrimSuffix(name, version)
	}
	return name + "/" + escape(i.Name) + version
}

func (w *printer) world(world *World) {
	w.head(world.Docs, world.Stability, "")
	w.open("world %s", escape(world.Name))
	w.skipBlank = true
	var types []*TypeDef
	for _, item := range world.Imports {
		if item.Type != nil {
			types = append(types, item.Type)
		}
	}
	w.names = newNames(types...)
	for _, item := range world.Imports {
		if item.Interface != nil {
			w.extern("import", item)
		}
	}
	for _, t := range w.uses(types) {
		w.typeDef(t)
	}
	for _, item := range world.Imports {
		if item.Func != nil && item.Func.Kind == FreeFunc {
			w.extern("import", item)
		}
	}
	for _, item := range world.Exports {
		w.extern("export", item)
	}
	w.names = nil
	w.close()
}

// extern prints an import or export that is no type.
func (w *printer) extern(what string, item WorldItem) {
	if !item.qualified() {
		w.blank()
	}
	w.skipBlank = false
	switch {
	case item.Func != nil:
		w.head(item.Func.Docs, item.Func.Stability, item.ExternalID)
		w.line("%s %s: %s;", what, escape(item.Name), funcText(w.names.source(item.Func), false))
	case item.qualified():
		w.head("", item.Stability, "")
		w.line("%s %s;", what, w.path(item.Interface))
	case item.Interface.Name != "":
		w.head("", item.Stability, item.ExternalID)
		w.line("%s %s: %s;", what, escape(item.Name), w.path(item.Interface))
	default:
		w.head(item.Interface.Docs, item.Stability, item.ExternalID)
		w.open("%s %s: interface", what, escape(item.Name))
		w.interfaceItems(item.Interface)
		w.skipBlank = false
		w.close()
	}
}
