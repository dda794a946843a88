package plan

import (
	"strconv"

	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
	"latticework/wit"
)

func (b *builder) options(s *scope, c *binary.Canon) (Options, error) {
	o := Options{Encoding: c.Encoding(), Memory: -1, Realloc: -1, PostReturn: -1, Callback: -1}
	for _, opt := range c.Options {
		var it coreItem
		var err error
		switch opt.Kind {
		case binary.OptMemory:
			if it, err = s.core(binary.SortCoreMemory, opt.Index); err == nil {
				o.Memory = b.memory(it)
			}
		case binary.OptRealloc:
			if it, err = s.core(binary.SortCoreFunc, opt.Index); err == nil {
				o.Realloc = b.coreFunc(it)
			}
		case binary.OptPostReturn:
			if it, err = s.core(binary.SortCoreFunc, opt.Index); err == nil {
				o.PostReturn = b.coreFunc(it)
			}
		case binary.OptCallback:
			if it, err = s.core(binary.SortCoreFunc, opt.Index); err == nil {
				o.Callback = b.coreFunc(it)
			}
		case binary.OptAsync:
			o.Async = true
		case binary.OptCoreType, binary.OptGC:
			err = errcode.New(errcode.Unsupported, "canonical option %s is not supported", opt.Kind)
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

func (b *builder) canon(s *scope, c *binary.Canon) error {
	h := Host{Instance: s.instance, Import: -1, Lift: -1, Resource: -1}
	var err error
	switch c.Kind {
	case binary.CanonLift:
		return b.lift(s, c)
	case binary.CanonLower:
		err = b.lower(s, c, &h)
	case binary.CanonResourceNew, binary.CanonResourceDrop, binary.CanonResourceRep:
		err = b.resourceCanon(s, c, &h)
	default:
		err = b.builtin(s, c, &h)
	}
	if err != nil {
		return err
	}
	s.coreFuncs = append(s.coreFuncs, b.host(h))
	return nil
}

func (b *builder) lower(s *scope, c *binary.Canon, h *Host) error {
	f, err := at(s.funcs, c.Func, "func")
	if err != nil {
		return err
	}
	h.Type = f.typ
	if h.Options, err = b.options(s, c); err != nil {
		return err
	}
	if f.typ.Async || h.Options.Async {
		b.plan.Async[s.instance] = true
	}
	switch {
	case f.imp >= 0:
		h.Kind, h.Import, h.Func = HostImport, f.imp, f.impFn
	case b.around(s.instance, b.plan.Lifts[f.lift].Instance) || b.around(b.plan.Lifts[f.lift].Instance, s.instance):
		h.Kind, h.Lift = HostReenter, f.lift
	default:
		h.Kind, h.Lift = HostFused, f.lift
	}
	return nil
}

// around reports whether component instance outer is inner, or inner was made
// inside of it. The specification lets calls pass between the two; nobody's
// toolchain does that yet, and the reference suite wants it to trap for now.
func (b *builder) around(outer, inner int) bool {
	for ; inner >= 0; inner = b.plan.Parents[inner] {
		if inner == outer {
			return true
		}
	}
	return false
}

func (b *builder) resourceCanon(s *scope, c *binary.Canon, h *Host) error {
	t, err := s.typeAt(c.Type)
	if err != nil {
		return err
	}
	if t.res == nil {
		return errcode.New(errcode.Invalid, "plan: type %d is not a resource type", c.Type)
	}
	h.Resource = t.res.Slot - 1
	switch c.Kind {
	case binary.CanonResourceNew:
		h.Kind = HostResourceNew
	case binary.CanonResourceRep:
		h.Kind = HostResourceRep
	default:
		h.Kind = HostResourceDrop
	}
	return nil
}

// builtin plans a built-in of the asynchronous ABI.
func (b *builder) builtin(s *scope, c *binary.Canon, h *Host) (err error) {
	b.plan.Async[s.instance] = true
	h.Kind, h.Canon, h.Async, h.Cancellable, h.Slot = HostBuiltin, c.Kind, c.Async, c.Cancellable, c.Slot
	if h.Options, err = b.options(s, c); err != nil {
		return err
	}
	switch c.Kind {
	case binary.CanonTaskReturn:
		h.Type = &wit.FuncType{}
		if h.Val, err = b.optType(s, c.Result); err != nil || h.Val == nil {
			return err
		}
		h.Type.Params = []wit.Param{{Name: "result", Type: h.Val}}
	case binary.CanonWaitableSetWait, binary.CanonWaitableSetPoll:
		it, err := s.core(binary.SortCoreMemory, c.Memory)
		if err != nil {
			return err
		}
		h.Options.Memory = b.memory(it)
	case binary.CanonThreadNewIndirect:
		it, err := s.core(binary.SortCoreTable, c.Table)
		if err != nil {
			return err
		}
		h.Table, err = b.table(it)
		return err
	}
	if c.Kind >= binary.CanonStreamNew && c.Kind <= binary.CanonFutureDropWritable {
		t, err := s.typeAt(c.Type)
		if err != nil {
			return err
		}
		if t.val == nil {
			return errcode.New(errcode.Invalid, "plan: type %d is not a stream or future", c.Type)
		}
		h.Val = t.val
	}
	return nil
}

// host adds a host function, or finds the same one.
func (b *builder) host(h Host) coreItem {
	i, ok := b.hosts[h]
	if !ok {
		i = len(b.plan.Hosts)
		b.plan.Hosts = append(b.plan.Hosts, h)
		b.hosts[h] = i
	}
	return coreItem{ref: CoreRef{Slot: HostSlot, Name: strconv.Itoa(i)}, kind: corewasm.KindFunc}
}

func (b *builder) lift(s *scope, c *binary.Canon) error {
	core, err := s.core(binary.SortCoreFunc, c.Func)
	if err != nil {
		return err
	}
	t, err := s.typeAt(c.Type)
	if err != nil {
		return err
	}
	if t.fn == nil {
		return errcode.New(errcode.Invalid, "plan: type %d is not a function type", c.Type)
	}
	o, err := b.options(s, c)
	if err != nil {
		return err
	}
	if t.fn.Async {
		b.plan.Async[s.instance] = true
	}
	b.plan.Lifts = append(b.plan.Lifts, Lift{Core: b.coreFunc(core), Type: t.fn, Options: o, Instance: s.instance})
	s.funcs = append(s.funcs, &function{typ: t.fn, imp: -1, lift: len(b.plan.Lifts) - 1})
	return nil
}
