package plan

import (
	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
)

// pendingStep is a step whose module was not rewritten yet: where its imports
// come from in the end is known when all steps are.
type pendingStep struct {
	m          *module
	from       []CoreRef // by import
	companions []int
	instance   int
}

// finish rewrites the modules of the steps. A shim is left out, with the module
// that fills its table: who calls it calls the host. That ends every import at
// its origin, and saves two core instances where a toolchain made one module.
func (b *builder) finish() error {
	gone, redirect := b.shims()
	slots, n := make([]int, len(b.steps)), 0
	for i := range b.steps {
		if slots[i] = n; !gone[i] {
			n++
		}
	}
	move := func(ref CoreRef) CoreRef {
		if to, ok := redirect[ref]; ok {
			return to
		}
		if ref.Slot >= 0 {
			ref.Slot = slots[ref.Slot]
		}
		return ref
	}
	for i, p := range b.steps {
		if gone[i] {
			continue
		}
		b.used[p.m.start] = true
		for k, ref := range p.from {
			p.from[k] = move(ref)
		}
		for k, slot := range p.companions {
			p.companions[k] = slots[slot]
		}
		step, err := b.step(p.m, p.from, p.companions)
		if err != nil {
			return err
		}
		step.Instance = p.instance
		b.plan.Steps = append(b.plan.Steps, step)
	}
	for _, refs := range [2][]CoreRef{b.plan.Funcs, b.plan.Memories} {
		for i := range refs {
			refs[i] = move(refs[i])
		}
	}
	for i := range b.plan.Hosts {
		if h := &b.plan.Hosts[i]; h.Canon == binary.CanonThreadNewIndirect && h.Kind == HostBuiltin {
			h.Table.Slot = slots[h.Table.Slot]
		}
	}
	return nil
}

// shims returns which steps are left out, and what is imported in place of what
// they export.
func (b *builder) shims() (gone map[int]bool, redirect map[CoreRef]CoreRef) {
	gone, redirect = map[int]bool{}, map[CoreRef]CoreRef{}
	tables := map[CoreRef]int{} // how many steps import it
	starts := make([]int, len(b.steps)+1)
	for i, p := range b.steps {
		for k, im := range p.m.info.Imports {
			if im.Kind == corewasm.KindTable {
				tables[p.from[k]]++
			}
		}
		starts[i+1] = starts[i]
		if p.m.info.Start != "" {
			starts[i+1]++
		}
	}
	threads := map[int]bool{} // slots whose tables the host looks into
	for i := range b.plan.Hosts {
		if h := &b.plan.Hosts[i]; h.Canon == binary.CanonThreadNewIndirect && h.Kind == HostBuiltin {
			threads[h.Table.Slot] = true
		}
	}
	for i, p := range b.steps {
		fill := p.m.info.Fill()
		if fill == nil || p.from[fill.Table].Slot < 0 {
			continue
		}
		table := p.from[fill.Table]
		// Before the table is filled a call traps: a start function could tell.
		if tables[table] != 1 || threads[table.Slot] || starts[i+1] != starts[table.Slot] {
			continue
		}
		if calls := b.filled(table, p, fill); calls != nil {
			gone[table.Slot], gone[i] = true, true
			for from, to := range calls {
				redirect[from] = to
			}
		}
	}
	return gone, redirect
}

// filled returns what is called by way of the shim that has table, which step p
// fills; nil if it is none, or calls another than the host.
func (b *builder) filled(table CoreRef, p pendingStep, fill *corewasm.Fill) map[CoreRef]CoreRef {
	info := b.steps[table.Slot].m.info
	shim := info.Shim()
	if shim == nil || shim.Table != table.Name {
		return nil
	}
	for element := range fill.Funcs {
		if element >= shim.Size {
			return nil // filling it traps
		}
	}
	calls := map[CoreRef]CoreRef{}
	for name, element := range shim.Calls {
		f, ok := fill.Funcs[element]
		if !ok {
			return nil
		}
		from := p.from[fill.Imports[f]]
		if from.Slot != HostSlot || !shim.Same(info, name, p.m.info, f) {
			return nil
		}
		calls[CoreRef{Slot: table.Slot, Name: name}] = from
	}
	return calls
}
