package plan

import (
	"strconv"
	"strings"

	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
)

// export returns what the core instance exports under name.
func (c *coreInstance) export(name string) (coreItem, error) {
	if c.bundle != nil {
		if it, ok := c.bundle[name]; ok {
			return it, nil
		}
	} else if e := c.module.export(name); e != nil {
		if e.Kind == corewasm.KindMemory && e.Index > 0 {
			return c.memories[e.Index-1], nil
		}
		return coreItem{ref: CoreRef{Slot: c.slot, Name: name}, kind: e.Kind}, nil
	}
	return coreItem{}, errcode.New(errcode.Invalid, "plan: core instance has no export named %q", name)
}

func (b *builder) coreInstance(s *scope, d *binary.CoreInstance) error {
	if d.Inline {
		c := &coreInstance{bundle: map[string]coreItem{}}
		for _, e := range d.Exports {
			it, err := s.core(e.Ref.Sort, e.Ref.Index)
			if err != nil {
				return err
			}
			c.bundle[e.Name] = it
		}
		s.coreInstances = append(s.coreInstances, c)
		return nil
	}
	m, err := at(s.modules, d.Module, "core module")
	if err != nil {
		return err
	}
	if m.info == nil {
		return errRefused
	}
	companions, err := m.info.Companions(b.cfg.Core, !b.cfg.NoFuel)
	if err != nil {
		return err
	}
	args := map[string]*coreInstance{}
	for _, a := range d.Args {
		if args[a.Name], err = at(s.coreInstances, a.Instance, "core instance"); err != nil {
			return err
		}
	}
	from, err := origins(m.info, args)
	if err != nil {
		return err
	}
	c := &coreInstance{module: m}
	var slots []int
	for i, extra := range companions {
		own := make([]CoreRef, len(extra.From))
		for k, imp := range extra.From {
			own[k] = from[imp]
		}
		e := &module{start: m.start, end: m.end, info: extra.Module, companion: i + 1}
		slot, err := b.addStep(s, pendingStep{m: e, from: own})
		if err != nil {
			return err
		}
		slots = append(slots, slot)
		memory := coreItem{ref: CoreRef{Slot: slot, Name: corewasm.CompanionMemory}, kind: corewasm.KindMemory}
		if imp, ok := m.info.ImportedMemory(i + 1); ok {
			memory.ref = from[imp]
		}
		c.memories = append(c.memories, memory)
	}
	c.slot, err = b.addStep(s, pendingStep{m: m, from: from, companions: slots})
	s.coreInstances = append(s.coreInstances, c)
	return err
}

// origins finds where each import of a module comes from.
func origins(info *corewasm.Module, args map[string]*coreInstance) ([]CoreRef, error) {
	from := make([]CoreRef, len(info.Imports))
	for i, imp := range info.Imports {
		arg := args[imp.Module]
		if arg == nil {
			return nil, errcode.New(errcode.Invalid, "plan: missing module instantiation argument %q", imp.Module)
		}
		it, err := arg.export(imp.Name)
		if err != nil {
			return nil, err
		}
		if it.kind != imp.Kind {
			return nil, errcode.New(errcode.Invalid, "plan: import %q %q is a %s, given a %s", imp.Module, imp.Name, imp.Kind, it.kind)
		}
		from[i] = it.ref
	}
	return from, nil
}

// addStep adds a step of s and returns its slot.
func (b *builder) addStep(s *scope, p pendingStep) (int, error) {
	if n := len(b.steps); n >= b.cfg.CoreInstances {
		return 0, errcode.New(errcode.Exhausted, "plan: core instances: %d > %d", n+1, b.cfg.CoreInstances)
	}
	if b.footprint += p.m.info.Footprint; b.footprint > b.cfg.Footprint {
		return 0, errcode.New(errcode.Exhausted, "plan: host memory bytes of core instances: %d > %d", b.footprint, b.cfg.Footprint)
	}
	for i, imp := range p.m.info.Imports {
		shared := imp.Kind == corewasm.KindTable || imp.Kind == corewasm.KindTag
		if slot := p.from[i].Slot; shared && slot >= 0 && b.steps[slot].m.info.OwnExceptions() {
			return 0, errcode.New(errcode.Unsupported,
				"plan: import %q %q: a %s of a module with try blocks, which throws to nobody but itself, is not supported", imp.Module, imp.Name, imp.Kind)
		}
	}
	p.instance = s.instance
	b.steps = append(b.steps, p)
	return len(b.steps) - 1, nil
}

// step rewrites m for the origins of its imports.
func (b *builder) step(m *module, from []CoreRef, companions []int) (Step, error) {
	step := Step{Companions: companions}
	groups := map[int]int{}
	group := func(slot int) string {
		g, ok := groups[slot]
		if !ok {
			g = len(step.Groups)
			groups[slot] = g
			step.Groups = append(step.Groups, slot)
		}
		return corewasm.Group(g)
	}
	cfg := corewasm.RewriteConfig{Imports: make([]corewasm.Target, len(from)), Image: true, Globals: true, Limits: b.cfg.Core}
	var key strings.Builder
	key.WriteString(strconv.Itoa(m.start) + "/" + strconv.Itoa(m.companion))
	for i, ref := range from {
		t := corewasm.Target{Module: HostModule, Name: ref.Name}
		if ref.Slot != HostSlot {
			t.Module = group(ref.Slot)
		}
		cfg.Imports[i] = t
		key.WriteString("\x00" + t.Module + "\x00" + t.Name)
	}
	for _, slot := range companions {
		cfg.Companions = append(cfg.Companions, group(slot))
		key.WriteString("\x00" + group(slot))
	}
	var ok bool
	if step.Module, ok = b.shared[key.String()]; ok {
		return step, nil
	}
	if !b.cfg.NoFuel {
		cfg.Refill = corewasm.Target{Module: HostModule, Name: RefillName}
	}
	cfg.Name = ModuleName(len(b.plan.Modules))
	code, err := m.info.RewriteStored(cfg, b.cfg.Store, corewasm.Origin{Digest: b.cfg.Digest, Start: m.start, Companion: m.companion})
	if err != nil {
		return step, err
	}
	names := m.info.Names(cfg, MaxNames-b.names)
	b.names += names.Len()
	b.plan.Modules = append(b.plan.Modules, Module{
		Code: code, Origin: Range{m.start, m.end}, Companion: m.companion > 0, Memory: m.info.Memory, Start: m.info.Start, Names: names,
		Globals: m.info.Globals, Resettable: m.info.Resettable(), Loose: m.info.Loose(),
	})
	step.Module = len(b.plan.Modules) - 1
	b.shared[key.String()] = step.Module
	return step, nil
}

// coreFunc returns the index in Funcs of a core function.
func (b *builder) coreFunc(it coreItem) int {
	i, ok := b.funcs[it.ref]
	if !ok {
		i = len(b.plan.Funcs)
		b.plan.Funcs = append(b.plan.Funcs, it.ref)
		b.funcs[it.ref] = i
	}
	return i
}

func (b *builder) memory(it coreItem) int {
	i, ok := b.mems[it.ref]
	if !ok {
		i = len(b.plan.Memories)
		b.plan.Memories = append(b.plan.Memories, it.ref)
		b.mems[it.ref] = i
	}
	return i
}

// table returns where a core table is among those of its core instance.
func (b *builder) table(it coreItem) (Table, error) {
	if it.ref.Slot >= 0 {
		if e := b.steps[it.ref.Slot].m.export(it.ref.Name); e != nil && e.Kind == corewasm.KindTable {
			return Table{Slot: it.ref.Slot, Index: e.Index}, nil
		}
	}
	return Table{}, errcode.New(errcode.Invalid, "plan: core instance %d exports no table %q", it.ref.Slot, it.ref.Name)
}
