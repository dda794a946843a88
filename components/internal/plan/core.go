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
	} else {
		for _, e := range c.module.info.Exports {
			if e.Name == name {
				return coreItem{ref: CoreRef{Slot: c.slot, Name: name}, kind: e.Kind}, nil
			}
		}
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
	if n := len(b.plan.Steps); n >= b.cfg.CoreInstances {
		return errcode.New(errcode.Exhausted, "plan: core instances: %d > %d", n+1, b.cfg.CoreInstances)
	}
	if b.footprint += m.info.Footprint; b.footprint > b.cfg.Footprint {
		return errcode.New(errcode.Exhausted, "plan: host memory bytes of core instances: %d > %d", b.footprint, b.cfg.Footprint)
	}
	args := map[string]*coreInstance{}
	for _, a := range d.Args {
		if args[a.Name], err = at(s.coreInstances, a.Instance, "core instance"); err != nil {
			return err
		}
	}
	step, err := b.step(m, args)
	if err != nil {
		return err
	}
	step.Instance = s.instance
	b.plan.Steps = append(b.plan.Steps, step)
	b.owners = append(b.owners, m)
	s.coreInstances = append(s.coreInstances, &coreInstance{slot: len(b.plan.Steps) - 1, module: m})
	return nil
}

// step finds the origin of every import of m and rewrites the module for it.
func (b *builder) step(m *module, args map[string]*coreInstance) (Step, error) {
	var step Step
	b.used[m.start] = true
	groups := map[int]int{}
	targets := make([]corewasm.Target, len(m.info.Imports))
	var key strings.Builder
	key.WriteString(strconv.Itoa(m.start))
	for i, imp := range m.info.Imports {
		arg := args[imp.Module]
		if arg == nil {
			return step, errcode.New(errcode.Invalid, "plan: missing module instantiation argument %q", imp.Module)
		}
		it, err := arg.export(imp.Name)
		if err != nil {
			return step, err
		}
		if it.kind != imp.Kind {
			return step, errcode.New(errcode.Invalid, "plan: import %q %q is a %s, given a %s", imp.Module, imp.Name, imp.Kind, it.kind)
		}
		t := corewasm.Target{Module: HostModule, Name: it.ref.Name}
		if it.ref.Slot != HostSlot {
			g, ok := groups[it.ref.Slot]
			if !ok {
				g = len(step.Groups)
				groups[it.ref.Slot] = g
				step.Groups = append(step.Groups, it.ref.Slot)
			}
			t.Module = corewasm.Group(g)
		}
		targets[i] = t
		key.WriteString("\x00" + t.Module + "\x00" + t.Name)
	}
	var ok bool
	if step.Module, ok = b.shared[key.String()]; ok {
		return step, nil
	}
	cfg := corewasm.RewriteConfig{Imports: targets, Image: true, Globals: true, Limits: b.cfg.Core}
	if !b.cfg.NoFuel {
		cfg.Refill = corewasm.Target{Module: HostModule, Name: RefillName}
	}
	cfg.Name = ModuleName(len(b.plan.Modules))
	out, err := m.info.RewriteStored(cfg, b.cfg.Store)
	if err != nil {
		return step, err
	}
	names := m.info.Names(cfg, MaxNames-b.names)
	b.names += names.Len()
	b.plan.Modules = append(b.plan.Modules, Module{
		Bytes: out, Origin: Range{m.start, m.end}, Memory: m.info.Memory, Start: m.info.Start, Names: names,
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
		for _, e := range b.owners[it.ref.Slot].info.Exports {
			if e.Name == it.ref.Name && e.Kind == corewasm.KindTable {
				return Table{Slot: it.ref.Slot, Index: e.Index}, nil
			}
		}
	}
	return Table{}, errcode.New(errcode.Invalid, "plan: core instance %d exports no table %q", it.ref.Slot, it.ref.Name)
}
