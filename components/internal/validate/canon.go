package validate

import (
	"slices"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

// builtins are the canonical definitions whose core type depends on nothing.
var builtins = map[binary.CanonKind]struct{ params, results int }{ // numbers of i32
	binary.CanonTaskCancel:           {0, 0},
	binary.CanonSubtaskCancel:        {1, 1},
	binary.CanonSubtaskDrop:          {1, 0},
	binary.CanonBackpressureInc:      {0, 0},
	binary.CanonBackpressureDec:      {0, 0},
	binary.CanonErrorContextDrop:     {1, 0},
	binary.CanonWaitableSetNew:       {0, 1},
	binary.CanonWaitableSetDrop:      {1, 0},
	binary.CanonWaitableJoin:         {2, 0},
	binary.CanonThreadIndex:          {0, 1},
	binary.CanonThreadResumeLater:    {1, 0},
	binary.CanonThreadSuspend:        {0, 1},
	binary.CanonThreadYield:          {0, 1},
	binary.CanonThreadSuspendResume:  {1, 1},
	binary.CanonThreadYieldResume:    {1, 1},
	binary.CanonThreadSuspendPromote: {1, 1},
	binary.CanonThreadYieldPromote:   {1, 1},
}

// canon validates a canonical definition.
func (v *validator) canon(s *scope, d *binary.Canon) error {
	if b, ok := builtins[d.Kind]; ok {
		v.define(s, d, nil, i32s(b.params), i32s(b.results))
		return nil
	}
	switch d.Kind {
	case binary.CanonLift:
		return v.lift(s, d)
	case binary.CanonLower:
		return v.lower(s, d)
	case binary.CanonResourceNew, binary.CanonResourceDrop, binary.CanonResourceRep:
		return v.resourceCanon(s, d)
	case binary.CanonTaskReturn:
		return v.taskReturn(s, d)
	case binary.CanonContextGet, binary.CanonContextSet:
		return v.context(s, d)
	case binary.CanonErrorContextNew, binary.CanonErrorContextDebug:
		return v.errorContext(s, d)
	case binary.CanonWaitableSetWait, binary.CanonWaitableSetPoll:
		if err := checkMemory(s, d.Memory); err != nil {
			return err
		}
		v.define(s, d, nil, i32s(2), i32s(1))
		return nil
	case binary.CanonThreadNewIndirect:
		return v.newIndirect(s, d)
	case binary.CanonThreadSpawnRef, binary.CanonThreadSpawnIndirect, binary.CanonThreadAvailParallel:
		return unsupported("canonical built-in `%s` is not supported: shared-everything threads", d.Kind)
	}
	if d.Kind >= binary.CanonStreamNew && d.Kind <= binary.CanonFutureDropWritable {
		return v.channel(s, d)
	}
	return errcode.New(errcode.Internal, "unknown canonical definition %#x", uint8(d.Kind))
}

func i32s(n int) []byte { return slices.Repeat([]byte{binary.CoreI32}, n) }

// define adds the core function that d defines, about type t.
func (v *validator) define(s *scope, d *binary.Canon, t *Type, params, results []byte) {
	f := v.core.fun(params, results)
	s.coreFuncs = append(s.coreFuncs, f)
	v.note(d, t, f)
}

func (v *validator) note(d *binary.Canon, t *Type, f *CoreType) {
	if t != nil {
		v.info.Canon[d] = t
	}
	v.info.CoreFunc[d] = f
}

func (v *validator) lift(s *scope, d *binary.Canon) error {
	f, err := s.kindAt(d.Type, KindFunc, "a function")
	if err != nil {
		return err
	}
	callee, err := get(s.coreFuncs, d.Func, "function")
	if err != nil {
		return err
	}
	o, err := v.options(s, d, f)
	if err != nil {
		return err
	}
	if err := v.spend(f.nodes); err != nil {
		return err
	}
	sig := flatLift(f, o.async, o.callback)
	params := pointers(f.Fields)
	if err := o.require(params || sig.paramsSpill || pointerIn(f.Elem) || sig.resultSpill, params || sig.paramsSpill); err != nil {
		return err
	}
	if o.postReturn != nil && !o.postReturn.is(sig.results, nil) {
		return invalid("canonical option `post-return` uses a core function with an incorrect signature: %s", o.postReturn.text())
	}
	p, r := callee.CoreSignature()
	if !callee.is(p, r) || !slices.Equal(p, sig.params) {
		return invalid("lowered parameter types `%s` do not match parameter types `%s` of core function %d",
			codesText(sig.params), codesText(p), d.Func)
	}
	if !slices.Equal(r, sig.results) {
		return invalid("lowered result types `%s` do not match result types `%s` of core function %d",
			codesText(sig.results), codesText(r), d.Func)
	}
	s.funcs = append(s.funcs, f)
	v.note(d, f, callee)
	return nil
}

func (v *validator) lower(s *scope, d *binary.Canon) error {
	f, err := get(s.funcs, d.Func, "function")
	if err != nil {
		return err
	}
	o, err := v.options(s, d, f)
	if err != nil {
		return err
	}
	if err := v.spend(f.nodes); err != nil {
		return err
	}
	sig := flatLower(f, o.async)
	result := pointerIn(f.Elem)
	// An async lowering that passes nothing through memory needs none:
	// toolchains leave it out, and so does the reference suite.
	if err := o.require(pointers(f.Fields) || sig.paramsSpill || result || sig.resultSpill, result); err != nil {
		return err
	}
	v.define(s, d, f, sig.params, sig.results)
	return nil
}

// pointers reports whether a parameter contains a list or a string.
func pointers(fs []Field) bool {
	return slices.ContainsFunc(fs, func(f Field) bool { return f.Type.pointer })
}

func pointerIn(t *Type) bool { return t != nil && t.pointer }

func (v *validator) resourceCanon(s *scope, d *binary.Canon) error {
	r, err := s.kindAt(d.Type, KindResource, "a resource")
	if err != nil {
		return err
	}
	if d.Kind != binary.CanonResourceDrop && r.Res.owner != s {
		return invalid("type index %d is not a local resource", d.Type)
	}
	results := 1
	if d.Kind == binary.CanonResourceDrop {
		results = 0
	}
	v.define(s, d, r, i32s(1), i32s(results))
	return nil
}

func (v *validator) taskReturn(s *scope, d *binary.Canon) error {
	t, err := v.optVal(s, d.Result)
	if err != nil {
		return err
	}
	if t != nil && t.borrow {
		return invalid("function result cannot contain a `borrow` type")
	}
	o, err := v.options(s, d, nil)
	if err != nil {
		return err
	}
	for _, opt := range d.Options {
		if opt.Kind > binary.OptMemory {
			return invalid("cannot specify `%s` option on `task.return`", opt.Kind)
		}
	}
	if t != nil {
		if err := v.spend(t.nodes); err != nil {
			return err
		}
	}
	params := flatResult(t)
	spill := len(params) > maxFlatParams
	if spill {
		params = pointer
	}
	if err := o.require(pointerIn(t) || spill, false); err != nil {
		return err
	}
	v.define(s, d, t, params, nil)
	return nil
}

// contextSlots is how many values context.get and context.set reach.
const contextSlots = 2

func (v *validator) context(s *scope, d *binary.Canon) error {
	switch {
	case d.ValType.Code == binary.CoreI64:
		return unsupported("canonical built-in `%s` is not supported with 64-bit values", d.Kind)
	case d.ValType.Code != binary.CoreI32:
		return invalid("canonical built-in `%s` requires type i32, found %s", d.Kind, valText(d.ValType))
	case d.Slot >= contextSlots:
		return invalid("canonical built-in `%s` slot index out of bounds: %d > %d", d.Kind, d.Slot, contextSlots-1)
	}
	if d.Kind == binary.CanonContextGet {
		v.define(s, d, nil, nil, i32s(1))
	} else {
		v.define(s, d, nil, i32s(1), nil)
	}
	return nil
}

func (v *validator) errorContext(s *scope, d *binary.Canon) error {
	o, err := v.options(s, d, nil)
	if err != nil {
		return err
	}
	if o.async {
		return invalid("cannot specify `async` option on `%s`", d.Kind)
	}
	debug := d.Kind == binary.CanonErrorContextDebug
	if err := o.require(true, debug); err != nil {
		return err
	}
	if debug {
		v.define(s, d, nil, i32s(2), nil)
	} else {
		v.define(s, d, nil, i32s(2), i32s(1))
	}
	return nil
}

// channel validates the built-ins of streams and futures.
func (v *validator) channel(s *scope, d *binary.Canon) error {
	kind, what, copied := KindStream, "a stream", 3
	if d.Kind >= binary.CanonFutureNew {
		kind, what, copied = KindFuture, "a future", 2
	}
	t, err := s.kindAt(d.Type, kind, what)
	if err != nil {
		return err
	}
	switch d.Kind {
	case binary.CanonStreamNew, binary.CanonFutureNew:
		v.define(s, d, t, nil, []byte{binary.CoreI64})
	case binary.CanonStreamRead, binary.CanonFutureRead, binary.CanonStreamWrite, binary.CanonFutureWrite:
		o, err := v.options(s, d, nil)
		if err != nil {
			return err
		}
		read := d.Kind == binary.CanonStreamRead || d.Kind == binary.CanonFutureRead
		if err := o.require(t.Elem != nil, read && pointerIn(t.Elem)); err != nil {
			return err
		}
		v.define(s, d, t, i32s(copied), i32s(1))
	case binary.CanonStreamCancelRead, binary.CanonStreamCancelWrite,
		binary.CanonFutureCancelRead, binary.CanonFutureCancelWrite:
		v.define(s, d, t, i32s(1), i32s(1))
	default: // drop
		v.define(s, d, t, i32s(1), nil)
	}
	return nil
}

func (v *validator) newIndirect(s *scope, d *binary.Canon) error {
	f, err := s.coreFuncTypeAt(d.CoreType)
	if err != nil {
		return err
	}
	if !f.is(i32s(1), nil) {
		return invalid("start function must take a single `i32` argument and return nothing, found %s", f.text())
	}
	tbl, err := get(s.coreTables, d.Table, "table")
	if err != nil {
		return err
	}
	if tbl.Extern.Limits.Is64 {
		return unsupported("64-bit tables are not supported")
	}
	if want := (binary.CoreValType{Code: binary.CoreRefNull, Heap: binary.HeapFunc}); tbl.Extern.Val != want {
		return invalid("indirect calls require a table of funcref, found %s", valText(tbl.Extern.Val))
	}
	v.define(s, d, nil, i32s(2), i32s(1))
	return nil
}
