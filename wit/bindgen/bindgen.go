package bindgen

import (
	"bytes"
	"fmt"
	"go/format"
	"slices"
	"sort"
	"strings"

	"latticework/wit"
)

// Config says how to write a package. Name is required.
type Config struct {
	// Name is the Go package's name.
	Name string
	// Imports maps the name of another WIT package, such as "wasi:io@0.2.12",
	// to the import path of its Go contract. The last element of the path is
	// the Go package's name.
	Imports map[string]string
	// Interfaces names the interfaces to write; nil means all. An interface
	// that a written one takes types from must be among them.
	Interfaces []string
	// Worlds names the worlds of which what stands outside of named interfaces
	// is written: functions and types of their own, and interfaces in place. nil
	// means all, or none if Interfaces is given.
	Worlds []string
	// Exports names the interfaces that get stubs for calling a component's
	// exports; nil means every interface without resources of its own, and of
	// the others those that a world of the package exports.
	Exports []string
	// Imported names the interfaces that get Bind functions; nil means all.
	Imported []string
	// Views names functions, as "streams.[method]output-stream.write", whose
	// list<u8> parameters are handed over in place instead of copied: the
	// implementation may not use them after it returns.
	Views []string
	// Prompt names async functions, in the same form, that never wait: they are
	// called in place, while the guest stands still, instead of on a goroutine.
	Prompt []string
}

// Generate returns the Go source of pkg's contract, formatted.
//
// Errors: one that matches [ErrUnsupported] names a function or type that has
// no mapping; any other names a clash of Go names, or what cfg asks for and
// does not exist.
func Generate(pkg *wit.Package, cfg Config) ([]byte, error) {
	g := newGenerator(pkg, cfg)
	if err := g.collect(); err != nil {
		return nil, fmt.Errorf("generate %s: %w", pkg.Name, err)
	}
	for _, iface := range g.ifaces {
		g.emitInterface(iface)
	}
	g.emitGuests()
	g.emitHelpers()
	g.emitWitTypes()
	if len(g.errs) > 0 {
		return nil, fmt.Errorf("generate %s: %w", pkg.Name, g.errs[0])
	}
	var out bytes.Buffer
	g.header(&out)
	out.Write(g.body.Bytes())
	src, err := format.Source(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("generate %s: format: %w", pkg.Name, err)
	}
	return src, nil
}

// generator holds the state of one Generate.
type generator struct {
	pkg    *wit.Package
	cfg    Config
	ifaces []*wit.Interface
	body   bytes.Buffer
	errs   []error
	// parts are the interfaces that stand for parts of worlds; inPlace names
	// the interfaces written in place that they were made of.
	parts   map[*wit.Interface]*worldPart
	inPlace map[*wit.Interface]string
	// imports maps import path to package name.
	imports map[string]string
	// defs and resources find the definition of a nominal type.
	defs      map[*wit.Type]*wit.TypeDef
	resources map[*wit.Resource]*wit.TypeDef
	// guests holds the resources that may be a component's own, with the
	// interface that defines them and has stubs.
	guests map[*wit.Resource]*wit.Interface
	// guest says that what is written is for a component's exports.
	guest bool
	// counts says for each package how many interfaces define a type name.
	counts map[*wit.Package]map[string]int
	// idents holds the package-level Go names with what they stand for.
	idents map[string]string
	// ids holds the name part given to each structural type, by its key.
	ids     map[string]string
	idTaken map[string]string
	// helpers to be written, in the order in which they were asked for.
	helpers     []helper
	helperAsked map[string]bool
	// witTypes to be written as literals, in the order asked for.
	witTypes []witType
	witAsked map[string]bool
}

func newGenerator(pkg *wit.Package, cfg Config) *generator {
	return &generator{
		pkg: pkg, cfg: cfg,
		parts:       map[*wit.Interface]*worldPart{},
		inPlace:     map[*wit.Interface]string{},
		imports:     map[string]string{},
		defs:        map[*wit.Type]*wit.TypeDef{},
		resources:   map[*wit.Resource]*wit.TypeDef{},
		guests:      map[*wit.Resource]*wit.Interface{},
		counts:      map[*wit.Package]map[string]int{},
		idents:      map[string]string{},
		ids:         map[string]string{},
		idTaken:     map[string]string{},
		helperAsked: map[string]bool{},
		witAsked:    map[string]bool{},
	}
}

func (g *generator) failf(form string, args ...any) {
	g.errs = append(g.errs, fmt.Errorf(form, args...))
}

// p writes one formatted line.
func (g *generator) p(form string, args ...any) {
	fmt.Fprintf(&g.body, form, args...)
	g.body.WriteByte('\n')
}

// use records an import of the emitted file and returns the package's name.
func (g *generator) use(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	g.imports[path] = name
	return name
}

// claim takes a package-level Go name.
func (g *generator) claim(ident, what string) string {
	if prev, ok := g.idents[ident]; ok && prev != what {
		g.failf("the Go name %s stands for both %s and %s", ident, prev, what)
	}
	g.idents[ident] = what
	return ident
}

// collect chooses the interfaces and indexes every definition they can reach.
func (g *generator) collect() error {
	if !isIdent(g.cfg.Name) {
		return fmt.Errorf("%q is no Go package name", g.cfg.Name)
	}
	seen := map[*wit.Interface]bool{}
	for _, iface := range g.pkg.Interfaces {
		if g.cfg.Interfaces == nil || slices.Contains(g.cfg.Interfaces, iface.Name) {
			g.ifaces = append(g.ifaces, iface)
		}
		g.index(iface, seen)
	}
	if err := g.collectWorlds(seen); err != nil {
		return err
	}
	g.collectGuests()
	for _, want := range [][]string{g.cfg.Interfaces, g.cfg.Exports, g.cfg.Imported} {
		for _, name := range want {
			if name != "none" && !slices.ContainsFunc(g.pkg.Interfaces, func(i *wit.Interface) bool { return i.Name == name }) {
				return fmt.Errorf("no interface %q", name)
			}
		}
	}
	for _, view := range g.cfg.Views {
		iface, fn, _ := strings.Cut(view, ".")
		if i := g.pkg.Interface(iface); i == nil || i.Func(fn) == nil {
			return fmt.Errorf("no function %q", view)
		}
	}
	return nil
}

// index enters iface's definitions and those of every interface that it takes
// types from.
func (g *generator) index(iface *wit.Interface, seen map[*wit.Interface]bool) {
	if iface == nil || seen[iface] {
		return
	}
	seen[iface] = true
	for _, def := range iface.Types {
		if def.Alias != nil {
			for a := def.Alias; a != nil; a = a.Alias {
				g.index(a.Owner, seen)
			}
			continue
		}
		switch {
		case def.Resource != nil:
			g.resources[def.Resource] = def
		case def.Type != nil && isNominal(def.Type.Kind):
			g.defs[def.Type] = def
		}
	}
}

// isUse reports whether def only brings in a type of another interface.
func isUse(def *wit.TypeDef) bool {
	return def.Alias != nil && def.Alias.Owner != def.Owner
}

// prefixed reports whether several interfaces of pkg define a type name, so
// that the Go names need the interface's.
func (g *generator) prefixed(pkg *wit.Package, name string) bool {
	counts := g.counts[pkg]
	if counts == nil {
		counts = map[string]int{}
		for _, iface := range pkg.Interfaces {
			for _, def := range iface.Types {
				if !isUse(def) {
					counts[def.Name]++
				}
			}
		}
		g.counts[pkg] = counts
	}
	return counts[name] > 1
}

// isNominal reports whether a type of this kind becomes a Go type of its own.
func isNominal(k wit.Kind) bool {
	switch k {
	case wit.KindRecord, wit.KindVariant, wit.KindEnum, wit.KindFlags:
		return true
	}
	return false
}

func isIdent(s string) bool {
	for i, r := range s {
		if !(r >= 'a' && r <= 'z' || r == '_' || i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}

// header writes everything before the first declaration.
func (g *generator) header(out *bytes.Buffer) {
	fmt.Fprintf(out, "// Code generated by lattice-bindgen. DO NOT EDIT.\n// Source: %s\n\npackage %s\n\n", g.pkg.Name, g.cfg.Name)
	var std, own []string
	for path := range g.imports {
		if strings.Contains(path, "/") {
			own = append(own, path)
		} else {
			std = append(std, path)
		}
	}
	sort.Strings(std)
	sort.Strings(own)
	out.WriteString("import (\n")
	for _, path := range std {
		fmt.Fprintf(out, "\t%q\n", path)
	}
	if len(std) > 0 && len(own) > 0 {
		out.WriteByte('\n')
	}
	for _, path := range own {
		fmt.Fprintf(out, "\t%q\n", path)
	}
	out.WriteString(")\n")
}

// doc writes a documentation comment: lead, then the WIT's own text.
func (g *generator) doc(lead, docs string) {
	if lead != "" {
		g.p("// %s", lead)
	}
	docs = strings.TrimSpace(docs)
	if docs == "" {
		return
	}
	if lead != "" {
		g.p("//")
	}
	for line := range strings.SplitSeq(docs, "\n") {
		g.p("//%s", strings.TrimRight(" "+strings.TrimRight(line, " \t\r"), " "))
	}
}
