package components

import (
	"reflect"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"latticework/internal/errcode"
)

// The engine gives every call a stack of its own, which doubles when it is
// full, up to 100 MB, and a try block copies all of it. What a guest may use is
// bounded here: functions and try blocks pay fuel in proportion to the stack
// that they may take, so that refill is called often enough to look.

// maxHandlers bounds the try blocks that a guest is inside of. The engine
// forgets to leave those that are left by a branch.
const maxHandlers = 1_000

// enter calls fn, which nobody else uses, with stack for parameters and
// results.
func (fb *fiber) enter(fn api.Function, stack []uint64) error {
	fb.active = append(fb.active, fn)
	err := fn.CallWithStack(&fb.ctx, stack)
	fb.active = fb.active[:len(fb.active)-1]
	return err
}

// checkStack reports whether the guest uses more stack than it may.
func (fb *fiber) checkStack() error {
	limit := fb.in.tmpl.limits.StackBytes
	used := uint64(0)
	for f := fb; f != nil; f = f.resumer {
		bytes, handlers := f.stackBytes()
		if handlers > maxHandlers {
			return errcode.New(errcode.Exhausted, "try blocks inside one another: %d > %d", handlers, maxHandlers)
		}
		used += bytes
	}
	if sc := fb.in.async; sc != nil && used+sc.parked > parkedFactor*limit {
		return errcode.New(errcode.Exhausted, "call stack bytes of all tasks: %d > %d", used+sc.parked, parkedFactor*limit)
	}
	if used > limit {
		return errcode.New(errcode.Exhausted, "call stack bytes: %d > %d", used, limit)
	}
	if used > keepStack {
		fb.in.deep = true
	}
	return nil
}

// parkedFactor is how many times the stack of one chain of calls all tasks may
// hold together.
const parkedFactor = 4

// stackBytes returns the bytes of stack of the calls on fb, and the most try
// blocks that one of them is inside of.
func (fb *fiber) stackBytes() (bytes uint64, handlers int) {
	for _, fn := range fb.active {
		b, h := stackOf(fn)
		bytes, handlers = bytes+b, max(handlers, h)
	}
	return bytes, handlers
}

// stackFields are where the engine's handle of a function keeps its stack.
type stackFields struct {
	stack, handlers []int // nil if this engine has none
}

var knownFields sync.Map // of *stackFields by reflect.Type

func fieldsOf(t reflect.Type) *stackFields {
	if f, ok := knownFields.Load(t); ok {
		return f.(*stackFields)
	}
	f := &stackFields{}
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		if s, ok := t.Elem().FieldByName("stack"); ok && s.Type.Kind() == reflect.Slice && s.Type.Elem().Kind() == reflect.Uint8 {
			f.stack = s.Index
		}
		if s, ok := t.Elem().FieldByName("tryHandlers"); ok && s.Type.Kind() == reflect.Slice {
			f.handlers = s.Index
		}
	}
	knownFields.Store(t, f)
	return f
}

// stackOf returns the bytes of stack that fn holds, copies included, and how
// many try blocks it is inside of. The interpreter has no such stack: it
// bounds its frames itself.
func stackOf(fn api.Function) (bytes uint64, handlers int) {
	v := reflect.ValueOf(fn)
	f := fieldsOf(v.Type())
	if f.stack == nil {
		return 0, 0
	}
	v = v.Elem()
	bytes = uint64(v.FieldByIndex(f.stack).Len())
	if f.handlers == nil {
		return bytes, 0
	}
	list := v.FieldByIndex(f.handlers)
	handlers = list.Len()
	for i := range min(handlers, maxHandlers) {
		if s := list.Index(i).FieldByName("stack"); s.IsValid() && s.Kind() == reflect.Slice {
			bytes += uint64(s.Len())
		}
	}
	return bytes, handlers
}

// keepStack is how much stack handles may hold after a call in which they grew.
const keepStack = 1 << 20
