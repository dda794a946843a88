package components

import (
	"context"
	"slices"

	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// LinkConfig says what a component is given. The zero value gives nothing.
type LinkConfig struct {
	// Interfaces satisfy the imports that match by name and version.
	Interfaces []*abi.Interface
	Limits     Limits
	// ReuseInitialized lets invocations start from the state in which the
	// component's own initialisation left one instance, though that called the
	// host: what it drew there, such as random numbers, the time or the
	// environment, is the same for all invocations then, as with a snapshot made
	// when the component was built. Without it such a component is initialised
	// for each instance, which Go programs need a millisecond for. Components
	// whose initialisation does not call the host do not need it.
	ReuseInitialized bool
	// NoReset has every instance instantiated, though it could be made by
	// setting a used one back, which takes a tenth of the time.
	NoReset bool
}

// Template is a component whose imports are bound. It is immutable and safe
// for concurrent use.
type Template struct {
	component *Component
	limits    Limits
	hosts     []hostFunc
	// resources are the host's, by plan.Resources; nil for the component's own.
	resources []*wit.Resource
	exports   map[string]*Export
	matches   typeMatches

	reuseInitialized bool
	reuse            reuse
}

// hostFunc is a bound import function.
type hostFunc struct {
	call  func(ctx context.Context, call *abi.Call) error
	start func(ctx context.Context, call *abi.Call) (abi.Work, error)
	name  string
}

// Link binds the component's imports.
//
// Errors:
//   - ErrNotFound for an import that nothing in cfg satisfies; the error names
//     it and what is close.
//   - ErrInvalid for an import whose function or resource is missing in the
//     given interface, or has another type; and for limits below 0.
//   - ErrUnsupported for a core module or component as an import, and for an
//     instance in one that has functions or resources.
func (c *Component) Link(cfg LinkConfig) (*Template, error) {
	if c.plan.Refuse != nil {
		return nil, c.plan.Refuse
	}
	if err := cfg.Limits.Validate(); err != nil {
		return nil, err
	}
	t := &Template{
		component: c, limits: cfg.Limits,
		hosts:     make([]hostFunc, len(c.plan.Hosts)),
		resources: make([]*wit.Resource, len(c.plan.Resources)),
		exports:   map[string]*Export{},
	}
	if t.limits.Handles == 0 {
		t.limits.Handles = 1 << 16
	}
	if t.limits.Threads == 0 {
		t.limits.Threads = 1_000
	}
	if t.limits.ValueBytes == 0 {
		t.limits.ValueBytes = 32 << 20
	}
	if t.limits.StackBytes == 0 {
		t.limits.StackBytes = 8 << 20
	}
	if t.limits.MemoryBytes == 0 {
		t.limits.MemoryBytes = c.memoryBytes
	}
	given, err := t.satisfy(cfg.Interfaces)
	if err != nil {
		return nil, err
	}
	for k, h := range c.plan.Hosts {
		if h.Kind != plan.HostImport {
			continue
		}
		im := &c.plan.Imports[h.Import]
		f, err := t.bind(im, im.Funcs[h.Func], given[h.Import])
		if err != nil {
			return nil, err
		}
		t.hosts[k] = hostFunc{call: f.Call, start: f.Start, name: im.Name + "." + f.Name}
	}
	for i := range c.plan.Exports {
		t.addExports(&c.plan.Exports[i])
	}
	t.reuseInitialized = cfg.ReuseInitialized
	if !cfg.NoReset {
		t.prepareReuse()
	}
	return t, nil
}

// satisfy finds what serves each import, nil where nothing needs to, and binds
// the component's resources to the host's.
func (t *Template) satisfy(interfaces []*abi.Interface) ([]*abi.Interface, error) {
	imports := t.component.plan.Imports
	given := make([]*abi.Interface, len(imports))
	for i, im := range imports {
		g := match(im.Name, interfaces)
		if g == nil {
			if len(im.Funcs) > 0 || len(im.Resources) > 0 { // types alone need no implementation
				return nil, missingImport(im.Name, interfaces)
			}
			continue
		}
		given[i] = g
		for _, r := range im.Resources {
			host := findResource(g, r.Name)
			if host == nil {
				return nil, errcode.New(errcode.Invalid, "link import %q: %s has no resource %q", im.Name, g.Name, r.Name)
			}
			t.resources[r.Slot-1] = host
		}
	}
	return given, nil
}

// match returns the interface that serves an import: the same name, or the
// same but for a compatible version, the highest of them.
func match(name string, given []*abi.Interface) *abi.Interface {
	var best *abi.Interface
	for _, g := range given {
		if g.Name == name {
			return g
		}
		if wit.MatchVersion(name, g.Name) && (best == nil || newerName(g.Name, best.Name)) {
			best = g
		}
	}
	return best
}

// newerName reports whether the version in qualified name a is higher than
// that in b.
func newerName(a, b string) bool {
	_, va := wit.SplitVersion(a)
	_, vb := wit.SplitVersion(b)
	return wit.CompareVersions(va, vb) > 0
}

func findResource(g *abi.Interface, name string) *wit.Resource {
	for _, list := range [2][]*wit.Resource{g.Resources, g.Uses} {
		for _, r := range list {
			if r.Name == name {
				return r
			}
		}
	}
	return nil
}

func (t *Template) bind(im *plan.Import, f plan.Func, g *abi.Interface) (*abi.Func, error) {
	for i := range g.Funcs {
		if g.Funcs[i].Name != f.Name {
			continue
		}
		if err := t.sameFunc(f.Type, g.Funcs[i].Type); err != nil {
			return nil, errcode.New(errcode.Invalid, "link import %q function %q: %w", im.Name, f.Name, err)
		}
		if g.Funcs[i].Start != nil && !f.Type.Async {
			return nil, errcode.New(errcode.Internal, "link import %q function %q: it has Start, but is not async", im.Name, f.Name)
		}
		return &g.Funcs[i], nil
	}
	return nil, errcode.New(errcode.Invalid, "link import %q: %s has no function %q", im.Name, g.Name, f.Name)
}

// missingImport is about import name, which nothing in given satisfies.
func missingImport(name string, given []*abi.Interface) error {
	e := errcode.New(errcode.NotFound, "link import %q: nothing provides it", name)
	for _, g := range given {
		if samePackage(name, g.Name) {
			return e.WithNext("%s is provided; build the component for that version or link a provider of %s", g.Name, name)
		}
	}
	return e.WithNext("link a provider of %s to the component", name)
}

// samePackage compares the names before the version.
func samePackage(a, b string) bool { return beforeVersion(a) == beforeVersion(b) }

func beforeVersion(s string) string {
	for i := range len(s) {
		if s[i] == '@' {
			return s[:i]
		}
	}
	return s
}

// sameFunc reports how type want, of the component, differs from have, of the
// host.
func (t *Template) sameFunc(want, have *wit.FuncType) error {
	if have == nil {
		return errcode.New(errcode.Internal, "the host gives no type")
	}
	if want.Async != have.Async {
		return errcode.New(errcode.Invalid, "one is async, the other is not")
	}
	if len(want.Params) != len(have.Params) {
		return errcode.New(errcode.Invalid, "%d parameters, the host has %d", len(want.Params), len(have.Params))
	}
	for i, p := range want.Params {
		if !t.sameType(p.Type, have.Params[i].Type) {
			return errcode.New(errcode.Invalid, "parameter %q has another type than the host's", p.Name)
		}
	}
	if !t.sameType(want.Result, have.Result) {
		return errcode.New(errcode.Invalid, "the result has another type than the host's")
	}
	return nil
}

// sameType compares structurally; resources are the same if the component's
// is bound to the host's.
func (t *Template) sameType(a, b *wit.Type) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Kind != b.Kind || a.Len != b.Len ||
		len(a.Fields) != len(b.Fields) || len(a.Cases) != len(b.Cases) || len(a.Flags) != len(b.Flags) {
		return false
	}
	if a.Resource != nil || b.Resource != nil {
		return a.Resource != nil && b.Resource != nil && t.resource(a.Resource) == b.Resource
	}
	for i := range a.Fields {
		if a.Fields[i].Name != b.Fields[i].Name || !t.sameType(a.Fields[i].Type, b.Fields[i].Type) {
			return false
		}
	}
	for i := range a.Cases {
		if a.Cases[i].Name != b.Cases[i].Name || !t.sameType(a.Cases[i].Type, b.Cases[i].Type) {
			return false
		}
	}
	for i := range a.Flags {
		if a.Flags[i] != b.Flags[i] {
			return false
		}
	}
	return t.sameType(a.Elem, b.Elem) && t.sameType(a.Err, b.Err) && t.sameType(a.Key, b.Key)
}

// resource returns the identity of r in this template: the host's resource
// that an imported one is bound to, else r itself.
func (t *Template) resource(r *wit.Resource) *wit.Resource {
	if r.Slot > 0 && r.Slot <= len(t.resources) {
		if host := t.resources[r.Slot-1]; host != nil {
			return host
		}
	}
	return r
}

// Export is a function that a template exports.
type Export struct {
	component *Component
	name      string
	typ       *wit.FuncType
	codec     *abi.FuncCodec
	lift      int
}

// Name returns the interface's name, a dot and the function's, or a plain
// function's name.
func (e *Export) Name() string { return e.name }

// Codec returns the function's codec.
func (e *Export) Codec() *abi.FuncCodec { return e.codec }

// Type returns the function's type.
func (e *Export) Type() *wit.FuncType { return e.typ }

func (t *Template) addExports(ex *plan.Export) {
	for _, f := range ex.Funcs {
		key := ex.Name + "\x00" + f.Name
		e := &Export{component: t.component, name: ex.Name + "." + f.Name, typ: f.Type, lift: f.Lift}
		if ex.Plain {
			key, e.name = "\x00"+f.Name, f.Name
		}
		if f.Lift >= 0 {
			e.codec = t.component.liftCodecs[f.Lift]
		}
		t.exports[key] = e
	}
}

// Export returns the function name of the exported interface iface, matched
// by version as imports are, or with an empty iface the plain function name.
//
// Errors:
//   - ErrNotFound if there is none.
//   - ErrUnsupported if the component exports an import as it is.
func (t *Template) Export(iface, name string) (abi.ExportedFunc, error) {
	return t.export(iface, name)
}

func (t *Template) export(iface, name string) (*Export, error) {
	e := t.exports[iface+"\x00"+name]
	if e == nil && iface != "" {
		from := ""
		for _, ex := range t.component.plan.Exports {
			if !ex.Plain && wit.MatchVersion(iface, ex.Name) && (e == nil || newerName(ex.Name, from)) {
				if same := t.exports[ex.Name+"\x00"+name]; same != nil {
					e, from = same, ex.Name
				}
			}
		}
	}
	what := name
	if iface != "" {
		what = iface + "." + name
	}
	if e == nil {
		return nil, errcode.New(errcode.NotFound, "find export %q: the component has none", what)
	}
	if e.lift < 0 {
		return nil, errcode.New(errcode.Unsupported, "call export %q: it is an import that the component exports as it is", what)
	}
	return e, nil
}

// Async reports whether the component uses the asynchronous ABI: only then can
// tasks be left when its calls are answered.
func (t *Template) Async() bool { return slices.Contains(t.component.plan.Async, true) }

// Component returns the component that t is made of.
func (t *Template) Component() *Component { return t.component }
