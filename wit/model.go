package wit

// PackageName names a package, such as wasi:io@0.2.12. Namespace and Name may
// have several parts, joined as in the source: "a:b" and "c/d".
type PackageName struct {
	Namespace string
	Name      string
	// Version is a semantic version without a prefix, or "".
	Version string
}

// String returns the name as WIT writes it: "wasi:io@0.2.12".
func (n PackageName) String() string {
	s := n.Namespace + ":" + n.Name
	if n.Version != "" {
		s += "@" + n.Version
	}
	return s
}

// Qualify returns the qualified name of an interface or a world of the
// package: "wasi:io/streams@0.2.12".
func (n PackageName) Qualify(item string) string {
	s := n.Namespace + ":" + n.Name + "/" + item
	if n.Version != "" {
		s += "@" + n.Version
	}
	return s
}

// Resolve is a set of packages that refer to each other only. It is not safe
// for use while packages are being added; what it points to is immutable.
type Resolve struct {
	// Packages are in dependency order: a package comes after all that it
	// uses.
	Packages []*Package

	// In order of definition, over all packages: interfaces with those in
	// place, types with anonymous ones.
	arena  []*expr
	ifaces []*Interface
}

// FindPackage returns the package of exactly that name, or nil.
func (r *Resolve) FindPackage(name PackageName) *Package {
	for _, p := range r.Packages {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// FindInterface returns the interface of a qualified name, such as
// "wasi:io/streams@0.2.12": the one of exactly that name, else the newest
// whose version matches by [MatchVersion], else nil.
func (r *Resolve) FindInterface(qualified string) *Interface {
	var best *Interface
	for _, p := range r.Packages {
		for _, i := range p.Interfaces {
			have := i.QualifiedName()
			if have == qualified {
				return i
			}
			if MatchVersion(qualified, have) && (best == nil || CompareVersions(best.Package.Name.Version, p.Name.Version) < 0) {
				best = i
			}
		}
	}
	return best
}

// FindWorld returns the world of a qualified name, by the same rule as
// FindInterface, or nil.
func (r *Resolve) FindWorld(qualified string) *World {
	var best *World
	for _, p := range r.Packages {
		for _, w := range p.Worlds {
			have := w.QualifiedName()
			if have == qualified {
				return w
			}
			if MatchVersion(qualified, have) && (best == nil || CompareVersions(best.Package.Name.Version, p.Name.Version) < 0) {
				best = w
			}
		}
	}
	return best
}

// Package is a WIT package.
type Package struct {
	Name PackageName
	Docs string
	// Interfaces and Worlds are the named ones, each after those of the
	// package that it uses or includes.
	Interfaces []*Interface
	Worlds     []*World

	items map[string]scopeItem // all of them, excluded ones too
}

// Interface returns the package's interface of that plain name, or nil.
func (p *Package) Interface(name string) *Interface {
	for _, i := range p.Interfaces {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// World returns the package's world of that plain name, or nil.
func (p *Package) World(name string) *World {
	for _, w := range p.Worlds {
		if w.Name == name {
			return w
		}
	}
	return nil
}

// Stability is what the feature gates of an item say. The zero value is an
// item without gates.
type Stability struct {
	// Since is the version of @since, Feature the name of @unstable; at most
	// one of the two is set.
	Since   string
	Feature string
	// Deprecated is the version of @deprecated; it comes with one of the
	// others.
	Deprecated string
}

// Interface is a set of types and functions.
type Interface struct {
	// Name is plain, such as "streams"; "" for one written in place in a
	// world.
	Name      string
	Package   *Package
	Docs      string
	Stability Stability
	// Types are in the order in which they can be defined, Funcs in the
	// order of the source.
	Types []*TypeDef
	Funcs []*Func

	label    string              // the import or export that an interface in place is
	types    map[string]*TypeDef // all of them, excluded ones too
	funcs    map[string]bool
	deps     []*Interface // whose types it uses
	excluded bool         // by a feature gate
}

// QualifiedName returns the interface's name with its package, such as
// "wasi:io/streams@0.2.12"; "" for an interface without a name.
func (i *Interface) QualifiedName() string {
	if i.Name == "" || i.Package == nil {
		return i.Name
	}
	return i.Package.Name.Qualify(i.Name)
}

// TypeDef returns the type of that name, or nil.
func (i *Interface) TypeDef(name string) *TypeDef {
	for _, t := range i.Types {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Func returns the function of that name, such as "[method]bucket.get", or
// nil.
func (i *Interface) Func(name string) *Func {
	for _, f := range i.Funcs {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// TypeDef is the definition of a named type.
type TypeDef struct {
	Name      string
	Docs      string
	Stability Stability
	// ExternalID is the text of @external-id, or "".
	ExternalID string
	// Owner is the interface that holds the definition, World the world;
	// exactly one of them is set.
	Owner *Interface
	World *World
	// Alias is what a `use`, or a `type x = y` of a named type, points to;
	// else nil. It may be an alias itself.
	Alias *TypeDef
	// Type is the structure. A `type x = y` shares y's; the alias of a
	// primitive has the shared primitive. For a resource its Kind is 0 and
	// its Resource is set.
	Type *Type
	// Resource is set if the definition is a resource or an alias of one.
	Resource *Resource
	// Methods are the functions of a resource where it is defined, in the
	// order of the source: constructor, methods and statics. They are among
	// the owner's functions too.
	Methods []*Func
	// Members are the fields, cases or flags of a record, variant, enum or
	// flags, in order; nil for anything else and for an alias.
	Members []Member

	expr *expr
}

// Root follows Alias to the definition itself.
func (t *TypeDef) Root() *TypeDef {
	for t.Alias != nil {
		t = t.Alias
	}
	return t
}

// Member is what the source says about one field, case or flag.
type Member struct {
	Name string
	Docs string
}

// FuncKind tells apart the kinds of functions.
type FuncKind uint8

// The kinds of functions.
const (
	FreeFunc FuncKind = iota
	Method
	Static
	Constructor
)

// Func is a function.
type Func struct {
	// Name is as in the component model: "open", "[method]bucket.get",
	// "[static]fields.from-list", "[constructor]fields".
	Name      string
	Kind      FuncKind
	Docs      string
	Stability Stability
	// ExternalID is the text of @external-id, or "".
	ExternalID string
	Type       *FuncType
	// Resource is set for a method, a static and a constructor.
	Resource *Resource

	expr *funcExpr
}

// ItemName returns the name that the source gives the function: "get" for
// "[method]bucket.get", and "" for a constructor.
func (f *Func) ItemName() string {
	if f.Kind == Constructor {
		return ""
	}
	for i := len(f.Name) - 1; i >= 0; i-- {
		if f.Name[i] == '.' {
			return f.Name[i+1:]
		}
	}
	return f.Name
}

// World is what a component imports and exports.
type World struct {
	Name      string
	Package   *Package
	Docs      string
	Stability Stability
	// Imports hold everything that the world imports, with includes and the
	// interfaces that others depend on: first interfaces, each after those
	// it uses, then types, then functions.
	Imports []WorldItem
	Exports []WorldItem

	excluded bool // by a feature gate
}

// QualifiedName returns the world's name with its package.
func (w *World) QualifiedName() string {
	if w.Package == nil {
		return w.Name
	}
	return w.Package.Name.Qualify(w.Name)
}

// Import returns the import of that name, or nil.
func (w *World) Import(name string) *WorldItem { return findItem(w.Imports, name) }

// Export returns the export of that name, or nil.
func (w *World) Export(name string) *WorldItem { return findItem(w.Exports, name) }

func findItem(items []WorldItem, name string) *WorldItem {
	for i := range items {
		if items[i].Name == name {
			return &items[i]
		}
	}
	return nil
}

// WorldItem is one import or export of a world: exactly one of Interface,
// Func and Type is set.
type WorldItem struct {
	// Name is the qualified name of an interface imported under its own
	// name, else a plain one.
	Name      string
	Docs      string
	Stability Stability
	// ExternalID is the text of @external-id, or "".
	ExternalID string
	Interface  *Interface
	Func       *Func
	Type       *TypeDef
}
