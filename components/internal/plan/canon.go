package plan

import (
	"strconv"
	"strings"

	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
)

func (b *builder) options(s *scope, c *binary.Canon) (Options, error) {
	o := Options{Encoding: c.Encoding(), Memory: -1, Realloc: -1, PostReturn: -1}
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
		case binary.OptAsync, binary.OptCallback, binary.OptCoreType, binary.OptGC:
			err = b.unsupported("canonical option " + opt.Kind.String())
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// unsupported names what is missing, and the WASI 0.3 imports that most
// likely ask for it.
func (b *builder) unsupported(what string) error {
	var names []string
	for _, im := range b.plan.Imports {
		if strings.Contains(im.Name, "@0.3.") {
			names = append(names, im.Name)
		}
	}
	if len(names) == 0 {
		return errcode.New(errcode.Unsupported, "%s of the asynchronous ABI is not supported yet", what)
	}
	more := ""
	if len(names) > 1 {
		more = " and " + strconv.Itoa(len(names)-1) + " more"
	}
	return errcode.New(errcode.Unsupported, "import %q%s: WASI 0.3 is not supported yet (%s)", names[0], more, what)
}

func (b *builder) canon(s *scope, c *binary.Canon) error {
	if c.Kind == binary.CanonLift {
		return b.lift(s, c)
	}
	h := Host{Instance: s.instance, Import: -1, Lift: -1, Resource: -1}
	switch c.Kind {
	case binary.CanonLower:
		f, err := at(s.funcs, c.Func, "func")
		if err != nil {
			return err
		}
		if f.typ.Async {
			return b.unsupported("an async function type")
		}
		h.Type = f.typ
		if h.Options, err = b.options(s, c); err != nil {
			return err
		}
		if f.imp >= 0 {
			h.Kind, h.Import, h.Func = HostImport, f.imp, f.impFn
		} else {
			h.Kind, h.Lift = HostFused, f.lift
		}
	case binary.CanonResourceNew, binary.CanonResourceDrop, binary.CanonResourceRep:
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
	default:
		return b.unsupported("built-in " + c.Kind.String())
	}
	s.coreFuncs = append(s.coreFuncs, b.host(h))
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
	if t.fn.Async {
		return b.unsupported("an async function type")
	}
	o, err := b.options(s, c)
	if err != nil {
		return err
	}
	b.plan.Lifts = append(b.plan.Lifts, Lift{Core: b.coreFunc(core), Type: t.fn, Options: o, Instance: s.instance})
	s.funcs = append(s.funcs, &function{typ: t.fn, imp: -1, lift: len(b.plan.Lifts) - 1})
	return nil
}
