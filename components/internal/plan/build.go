package plan

import (
	"crypto/sha256"
	"errors"
	"maps"
	"slices"

	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
	"latticework/wit"
)

// Config says how a component is planned.
type Config struct {
	Core corewasm.Limits
	// CoreInstances bounds the core instances of one component, nested ones
	// included; 0 means 10,000.
	CoreInstances int
	// Footprint bounds what the core instances of one component take of the
	// host's memory besides their own memories; 0 means 24 MiB.
	Footprint uint64
	// Instances bounds its component instances; 0 means 1,000.
	Instances int
	// Depth bounds the nesting of components; 0 means 100.
	Depth int
	// NoFuel leaves the fuel counter out of core modules.
	NoFuel bool
	// Store may keep rewritten core modules; may be nil. Digest is that of the
	// component's bytes, for the store's sake.
	Store  corewasm.Store
	Digest [sha256.Size]byte
	// Known says that this component was planned and compiled before by this
	// build: modules that nothing instantiates are left out.
	Known bool
}

type builder struct {
	cfg     Config
	data    []byte
	plan    *Plan
	scanned map[int]*corewasm.Module // by start
	used    map[int]bool             // instantiated modules, by start
	shared  map[string]int           // modules after rewriting, by how
	steps   []pendingStep            // by slot, as long as no slot is left out
	hosts   map[Host]int
	funcs   map[CoreRef]int
	mems    map[CoreRef]int
	depth   int

	footprint uint64 // of the steps so far
	names     int    // bytes of the names of functions so far
}

// Build plans component c, whose bytes are data. c must be valid.
//
// Errors:
//   - errcode.Unsupported if it uses what is not implemented, by name.
//   - errcode.Exhausted if it is larger than a limit, with both sides.
//   - errcode.Invalid if a core module is malformed.
func Build(c *binary.Component, data []byte, cfg Config) (*Plan, error) {
	if cfg.CoreInstances == 0 {
		cfg.CoreInstances = 10_000
	}
	if cfg.Footprint == 0 {
		cfg.Footprint = 24 << 20
	}
	if cfg.Instances == 0 {
		cfg.Instances = 1_000
	}
	if cfg.Depth == 0 {
		cfg.Depth = 100
	}
	hosts := 0 // about as many
	for _, d := range c.Defs {
		if _, ok := d.Item.(*binary.Canon); ok {
			hosts++
		}
	}
	b := &builder{
		cfg: cfg, data: data, plan: &Plan{Parents: []int{-1}, Async: []bool{false}, Hosts: make([]Host, 0, hosts)},
		scanned: map[int]*corewasm.Module{}, used: map[int]bool{}, shared: map[string]int{},
		hosts: make(map[Host]int, hosts), funcs: map[CoreRef]int{}, mems: map[CoreRef]int{},
	}
	s := &scope{root: true, exports: newInstance(0)}
	switch err := b.component(s, c); {
	case err == errRefused:
		b.plan, b.used = &Plan{Imports: b.plan.Imports, Refuse: b.plan.Refuse}, nil
		return b.plan, b.unused(c)
	case err != nil:
		return nil, err
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	if err := b.unused(c); err != nil {
		return nil, err
	}
	return b.plan, b.rootExports(s.exports)
}

// errRefused says that the component needs to be given what no host gives;
// Plan.Refuse has the reason.
var errRefused = errors.New("plan: the component cannot be linked")

// scanAll scans the modules of c and of the components in it, whether or not
// anything instantiates those.
func (b *builder) scanAll(c *binary.Component) error {
	for _, d := range c.Defs {
		var err error
		switch item := d.Item.(type) {
		case *binary.CoreModule:
			_, err = b.scan(item)
		case *binary.Component:
			err = b.scanAll(item)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unused adds the modules of c that no step instantiates, unless c is known:
// also those that were changed before anything else was done.
func (b *builder) unused(c *binary.Component) error {
	if b.cfg.Known {
		return nil
	}
	if err := b.scanAll(c); err != nil {
		return err
	}
	for _, start := range slices.Sorted(maps.Keys(b.scanned)) {
		info := b.scanned[start]
		if o := info.Original(); o != nil {
			if err := b.validated(o); err != nil {
				return err
			}
			b.plan.Changed = true
		}
		if b.used[start] {
			continue
		}
		if err := b.validated(info); err != nil {
			return err
		}
	}
	return nil
}

// validated adds m and its companions to the unused modules.
func (b *builder) validated(m *corewasm.Module) error {
	limits := b.cfg.Core
	limits.NoExceptionRefs = false // it does not run
	companions, err := m.Companions(limits, false)
	if err != nil {
		return err
	}
	all := []*corewasm.Module{m}
	for _, c := range companions {
		all = append(all, c.Module)
	}
	for i, m := range all {
		cfg := corewasm.RewriteConfig{Imports: make([]corewasm.Target, len(m.Imports)), Limits: limits}
		for k, imp := range m.Imports {
			cfg.Imports[k] = corewasm.Target{Module: HostModule, Name: imp.Name}
		}
		if i == 0 {
			cfg.Companions = slices.Repeat([]string{HostModule}, len(companions))
		}
		out, err := m.Rewrite(cfg)
		if err != nil {
			return err
		}
		b.plan.Unused = append(b.plan.Unused, out)
	}
	return nil
}

// component follows the definitions of c in s.
func (b *builder) component(s *scope, c *binary.Component) error {
	if b.depth++; b.depth > b.cfg.Depth {
		return errcode.New(errcode.Exhausted, "plan: nested components: %d > %d", b.depth, b.cfg.Depth)
	}
	defer func() { b.depth-- }()
	for _, d := range c.Defs {
		if err := b.def(s, d.Item); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) def(s *scope, d binary.Item) error {
	switch d := d.(type) {
	case *binary.CoreModule:
		m, err := b.scan(d)
		s.modules = append(s.modules, m)
		return err
	case *binary.CoreInstance:
		return b.coreInstance(s, d)
	case *binary.CoreType:
		s.coreTypes++
	case *binary.Component:
		s.components = append(s.components, &componentDef{def: d, scope: s})
	case *binary.Instance:
		return b.instance(s, d)
	case *binary.Alias:
		return b.alias(s, d)
	case *binary.Type:
		t, err := b.define(s, d)
		s.types = append(s.types, t)
		return err
	case *binary.Canon:
		return b.canon(s, d)
	case *binary.Import:
		return b.importDef(s, d)
	case *binary.Export:
		return b.exportDef(s, d)
	case *binary.Start, *binary.Value:
		return errcode.New(errcode.Unsupported, "component values and start functions are not supported")
	}
	return nil
}

func (b *builder) scan(d *binary.CoreModule) (*module, error) {
	info := b.scanned[d.Start]
	if info == nil {
		var err error
		if info, err = corewasm.Scan(b.data[d.Start:d.End], b.cfg.Core); err != nil {
			return nil, err
		}
		b.scanned[d.Start] = info
	}
	return &module{start: d.Start, end: d.End, info: info}, nil
}

func (b *builder) importDef(s *scope, d *binary.Import) error {
	name := d.Name.Name
	if !s.root {
		it, ok := s.args[name]
		if !ok {
			return errcode.New(errcode.Invalid, "plan: missing import named %q", name)
		}
		if it.sort == binary.SortType {
			it.typ = named(it.typ, name)
		}
		s.push(it)
		return nil
	}
	b.plan.Imports = append(b.plan.Imports, Import{Name: name, Plain: d.Type.Sort == binary.SortFunc})
	imp := len(b.plan.Imports) - 1
	var it item
	var err error
	if d.Type.Sort == binary.SortInstance {
		t, terr := s.typeAt(d.Type.Index)
		if terr != nil {
			return terr
		}
		it = item{sort: binary.SortInstance}
		it.inst, err = b.hostInstance(t, imp)
	} else {
		it, err = b.hostItem(s, name, d.Type, imp)
	}
	if err != nil {
		return err
	}
	s.push(it)
	return nil
}

func (b *builder) exportDef(s *scope, d *binary.Export) error {
	it, err := s.item(d.Ref)
	if err != nil {
		return err
	}
	if it.sort == binary.SortType {
		it.typ = named(it.typ, d.Name.Name)
	}
	s.push(it)
	s.exports.add(d.Name.Name, it)
	return nil
}

func (b *builder) instance(s *scope, d *binary.Instance) error {
	if d.Inline {
		in := newInstance(len(d.Exports))
		for _, e := range d.Exports {
			it, err := s.item(e.Ref)
			if err != nil {
				return err
			}
			if it.sort == binary.SortType {
				it.typ = named(it.typ, e.Name.Name)
			}
			in.add(e.Name.Name, it)
		}
		s.instances = append(s.instances, in)
		return nil
	}
	def, err := at(s.components, d.Component, "component")
	if err != nil {
		return err
	}
	if def.def == nil {
		return errRefused
	}
	if n := len(b.plan.Parents); n >= b.cfg.Instances {
		return errcode.New(errcode.Exhausted, "plan: component instances: %d > %d", n+1, b.cfg.Instances)
	}
	b.plan.Parents = append(b.plan.Parents, s.instance)
	b.plan.Async = append(b.plan.Async, false)
	inner := &scope{parent: def.scope, instance: len(b.plan.Parents) - 1, args: make(map[string]item, len(d.Args)), exports: newInstance(0)}
	for _, a := range d.Args {
		if inner.args[a.Name], err = s.item(a.Ref); err != nil {
			return err
		}
	}
	if err := b.component(inner, def.def); err != nil {
		return err
	}
	s.instances = append(s.instances, inner.exports)
	return nil
}

func (b *builder) alias(s *scope, d *binary.Alias) error {
	switch d.Kind {
	case binary.AliasExport:
		in, err := at(s.instances, d.Instance, "instance")
		if err != nil {
			return err
		}
		it, ok := in.items[d.Name]
		if !ok {
			return errcode.New(errcode.Invalid, "plan: instance %d has no export named %q", d.Instance, d.Name)
		}
		s.push(it)
	case binary.AliasCoreExport:
		in, err := at(s.coreInstances, d.Instance, "core instance")
		if err != nil {
			return err
		}
		it, err := in.export(d.Name)
		if err != nil {
			return err
		}
		s.pushCore(d.Sort, it)
	case binary.AliasOuter:
		return b.outer(s, d)
	}
	return nil
}

func (b *builder) outer(s *scope, d *binary.Alias) error {
	from := s
	for range d.Count {
		if from = from.parent; from == nil {
			return errcode.New(errcode.Invalid, "plan: invalid outer alias count of %d", d.Count)
		}
	}
	if d.Sort == binary.SortCoreType {
		s.coreTypes++
		return nil
	}
	it, err := from.item(binary.SortIdx{Sort: d.Sort, Index: d.Index})
	if err != nil {
		return err
	}
	s.push(it)
	return nil
}

// rootExports writes down what the outermost component exports.
func (b *builder) rootExports(in *instance) error {
	for _, name := range in.names {
		it := in.items[name]
		e := Export{Name: name}
		switch it.sort {
		case binary.SortFunc:
			e.Plain = true
			e.Funcs = []ExportFunc{b.exportFunc(name, name, it.fn)}
		case binary.SortInstance:
			for _, n := range it.inst.names {
				sub := it.inst.items[n]
				switch sub.sort {
				case binary.SortFunc:
					e.Funcs = append(e.Funcs, b.exportFunc(name+"."+n, n, sub.fn))
				case binary.SortType:
					b.nameOwn(sub.typ.res, name, n)
					e.Types = append(e.Types, NamedType{Name: n, Type: sub.typ.val, Resource: sub.typ.res})
				}
			}
		case binary.SortType:
			e.Types = []NamedType{{Name: name, Type: it.typ.val, Resource: it.typ.res}}
		}
		b.plan.Exports = append(b.plan.Exports, e)
	}
	return nil
}

// nameOwn gives a resource that the component defines the name under which it is
// exported: what toolchains call it inside means nothing outside. A nil r is none.
func (b *builder) nameOwn(r *wit.Resource, iface, name string) {
	if r != nil && b.plan.Resources[r.Slot-1].Import < 0 {
		r.Interface, r.Name = iface, name
	}
}

func (b *builder) exportFunc(path, name string, f *function) ExportFunc {
	if f.lift >= 0 && b.plan.Lifts[f.lift].Name == "" {
		b.plan.Lifts[f.lift].Name = path
	}
	return ExportFunc{Name: name, Type: f.typ, Lift: f.lift}
}
