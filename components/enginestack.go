package components

import (
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// handleFields are where the engine's handles of functions keep their stacks.
type handleFields struct {
	handle reflect.Type
	// known says that the engine has stacks: the interpreter has none, and
	// bounds its frames itself.
	known bool
	stack uintptr // []byte
	// tries says that it has all that follows.
	tries bool
	// sp is from where on the stack is in use, and bottom where it must not grow
	// beyond.
	sp, bottom uintptr
	// saved are the registers of a guest that called the host.
	saved, savedBytes uintptr
	// handlers is the list of try blocks that the guest is inside of, each of
	// handlerBytes and with a copy of the stack.
	handlers, handlerBytes, handlerStack uintptr
	// pending is the exception that was thrown last, params the values in it.
	pending, params uintptr
}

// lastFields are those of the handles seen last: an engine has one type.
var lastFields atomic.Pointer[handleFields]

func fieldsOf(t reflect.Type) *handleFields {
	if f := lastFields.Load(); f != nil && f.handle == t {
		return f
	}
	f := &handleFields{handle: t}
	f.find(t)
	lastFields.Store(f)
	return f
}

// studiedEngine is the version of the engine of which it is known what it does
// with these fields, which their names and types do not tell. With another one
// exceptions are refused until somebody has looked: TestExceptionsInDepth and
// those beside it then have to pass, too.
const studiedEngine = "v1.12.0"

// find looks the fields up in a handle of type t.
func (f *handleFields) find(t reflect.Type) {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return
	}
	ok := true
	// field returns where field name of t is, and its type or that of what is in it
	// or what it points to, which is of kind of, if that matters.
	field := func(t reflect.Type, name string, kind, of reflect.Kind) (uintptr, reflect.Type) {
		if t == nil || t.Kind() != reflect.Struct {
			ok = false
			return 0, nil
		}
		s, found := t.FieldByName(name)
		if !found || s.Type.Kind() != kind || len(s.Index) != 1 {
			ok = false
			return 0, nil
		}
		in := s.Type
		if kind == reflect.Slice || kind == reflect.Pointer {
			in = in.Elem()
		}
		ok = ok && (of == reflect.Invalid || in.Kind() == of)
		return s.Offset, in
	}
	f.stack, _ = field(t.Elem(), "stack", reflect.Slice, reflect.Uint8)
	if f.known = ok; !f.known {
		return
	}
	context, in := field(t.Elem(), "execCtx", reflect.Struct, reflect.Struct)
	f.sp, _ = field(in, "stackPointerBeforeGoCall", reflect.Pointer, reflect.Uint64)
	f.bottom, _ = field(in, "stackBottomPtr", reflect.Pointer, reflect.Uint8)
	f.sp, f.bottom = context+f.sp, context+f.bottom
	saved, of := field(in, "savedRegisters", reflect.Array, reflect.Array)
	if ok {
		f.saved, f.savedBytes = context+saved, of.Size()
	}
	f.handlers, of = field(t.Elem(), "tryHandlers", reflect.Slice, reflect.Struct)
	if ok {
		f.handlerBytes = of.Size()
	}
	f.handlerStack, _ = field(of, "stack", reflect.Slice, reflect.Uint8)
	f.pending, of = field(t.Elem(), "pendingException", reflect.Pointer, reflect.Struct)
	f.params, _ = field(of, "Params", reflect.Slice, reflect.Uint64)
	version := engineVersion()
	f.tries = ok && (version == studiedEngine || version == unknownEngine)
}

// engineStack is the stack of a call under way.
type engineStack struct {
	f      *handleFields
	handle unsafe.Pointer
}

// stackOf returns the stack of a call of fn.
func stackOf(fn api.Function) engineStack {
	v := reflect.ValueOf(fn)
	f := fieldsOf(v.Type())
	if !f.known {
		return engineStack{f: f}
	}
	return engineStack{f, v.UnsafePointer()}
}

func (s engineStack) bytes() *[]byte { return (*[]byte)(unsafe.Add(s.handle, s.f.stack)) }

// spare returns how much of the stack is not in use now, while the guest waits
// for the host.
func (s engineStack) spare() int {
	sp := *(*unsafe.Pointer)(unsafe.Add(s.handle, s.f.sp))
	return int(uintptr(sp) - uintptr(unsafe.Pointer(unsafe.SliceData(*s.bytes()))))
}

// handlers returns how many try blocks the call is inside of.
func (s engineStack) handlers() int {
	return len(*(*[]struct{})(unsafe.Add(s.handle, s.f.handlers)))
}

// handler returns where the i-th try block is kept, or was if the call is inside
// of fewer.
func (s engineStack) handler(i int) unsafe.Pointer {
	list := *(*[]struct{})(unsafe.Add(s.handle, s.f.handlers))
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(list)), uintptr(i)*s.f.handlerBytes)
}

// copied returns the copy of the stack that belongs to the i-th try block.
func (s engineStack) copied(i int) []byte {
	return *(*[]byte)(unsafe.Add(s.handler(i), s.f.handlerStack))
}

// forget lets go of the copies of the stack that the engine keeps of try blocks
// which the call has left: of those from the first that it is not inside of to the
// n-th, which it may not have entered.
func (s engineStack) forget(n int) {
	list := *(*[]struct{})(unsafe.Add(s.handle, s.f.handlers))
	for i := len(list); i < min(n, cap(list)); i++ {
		*(*[]byte)(unsafe.Add(s.handler(i), s.f.handlerStack)) = nil
	}
}

// held returns the bytes of stack that the call holds, copies and what else the
// engine keeps of try blocks included.
func (s engineStack) held() (bytes uint64) {
	if !s.f.known {
		return 0
	}
	bytes = uint64(len(*s.bytes()))
	if s.f.tries {
		for i := range s.handlers() {
			bytes += uint64(len(s.copied(i))) + uint64(s.f.handlerBytes)
		}
	}
	return bytes
}

// cut takes n bytes, a multiple of 16, from what is not in use of the stack,
// which grows again when it is full. They stay allocated as long as the rest.
// It must be called while the guest waits for the host.
func (s engineStack) cut(n int) (done bool) {
	stack, bottom := s.bytes(), s.bottom()
	if *bottom != unsafe.SliceData(*stack) || s.spare() < n {
		return false
	}
	*stack = (*stack)[n:]
	*bottom = unsafe.SliceData(*stack)
	return true
}

// within reports whether the stack that s has now is whole, or was cut from it.
func (s engineStack) within(whole []byte) bool {
	stack := *s.bytes()
	return len(whole) >= len(stack) && &whole[len(whole)-1] == &stack[len(stack)-1]
}

// restore gives s the whole stack back from which its own was cut.
func (s engineStack) restore(whole []byte) {
	*s.bytes() = whole
	*s.bottom() = unsafe.SliceData(whole)
}

// bottom returns where the engine keeps how far the stack may grow.
func (s engineStack) bottom() **byte { return (**byte)(unsafe.Add(s.handle, s.f.bottom)) }

// pending returns the exception that was thrown last, nil for none.
func (s engineStack) pending() unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(s.handle, s.f.pending))
}

// size returns how many bytes an exception takes.
func (s engineStack) size(exception unsafe.Pointer) int {
	return exceptionBytes + 8*len(*(*[]uint64)(unsafe.Add(exception, s.f.params)))
}

// exceptionBytes is what an exception takes besides the values in it.
const exceptionBytes = 32

// words calls f with the words of all memory in which the guest may keep a
// reference to an exception, while it waits for the host.
func (s engineStack) words(f func([]uintptr)) {
	of := func(p unsafe.Pointer, n int) { f(unsafe.Slice((*uintptr)(p), n/8)) }
	of(unsafe.Add(s.handle, s.f.saved), int(s.f.savedBytes))
	stack, spare := *s.bytes(), s.spare()
	if spare >= 0 && spare < len(stack) {
		of(unsafe.Pointer(&stack[spare]), len(stack)-spare)
	}
	for i := range s.handlers() {
		of(s.handler(i), int(s.f.handlerBytes))
		c := s.copied(i)
		of(unsafe.Pointer(unsafe.SliceData(c)), len(c))
	}
}

// unknownEngine is the version of the engine in a build that does not tell it.
const unknownEngine = "dev"

// engineVersion is what version of wazero the program is built with.
func engineVersion() string {
	if info, ok := buildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/tetratelabs/wazero" {
				return dep.Version
			}
		}
	}
	return unknownEngine
}
