package components

import (
	"reflect"
	"sync/atomic"
	"unsafe"

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
	for f := fb; f != nil; {
		bytes, handlers := f.stackBytes()
		if handlers > maxHandlers {
			return errcode.New(errcode.Exhausted, "try blocks inside one another: %d > %d", handlers, maxHandlers)
		}
		used += bytes
		if f.coroutine == nil {
			break
		}
		f = f.resumer
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

// stackFields are where the engine's handles of functions keep their stacks.
type stackFields struct {
	handle reflect.Type
	known  bool // the following, where this engine has them
	stack  uintptr
	// handlers are the try blocks; each has a stack of its own.
	handlers []int
}

// lastFields are those of the handles seen last: an engine has one type.
var lastFields atomic.Pointer[stackFields]

func fieldsOf(t reflect.Type) *stackFields {
	if f := lastFields.Load(); f != nil && f.handle == t {
		return f
	}
	f := &stackFields{handle: t}
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		if s, ok := t.Elem().FieldByName("stack"); ok && s.Type == reflect.TypeFor[[]byte]() && len(s.Index) == 1 {
			f.known, f.stack = true, s.Offset
		}
		if s, ok := t.Elem().FieldByName("tryHandlers"); ok && s.Type.Kind() == reflect.Slice {
			f.handlers = s.Index
		}
	}
	lastFields.Store(f)
	return f
}

// stackOf returns the bytes of stack that fn holds, copies included, and how
// many try blocks it is inside of. The interpreter has no such stack: it
// bounds its frames itself.
func stackOf(fn api.Function) (bytes uint64, handlers int) {
	v := reflect.ValueOf(fn)
	f := fieldsOf(v.Type())
	if !f.known {
		return 0, 0
	}
	// Reading the length through reflect takes longer than the rest of a refill.
	bytes = uint64(len(*(*[]byte)(unsafe.Add(v.UnsafePointer(), f.stack))))
	if f.handlers == nil {
		return bytes, 0
	}
	list := v.Elem().FieldByIndex(f.handlers)
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
