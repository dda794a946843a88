package components

import (
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
	"latticework/internal/wasmbuild"
)

// fakeHandle has the fields of the engine's handles that are looked at, with a
// stack pointer of type P.
type fakeHandle[P any] struct {
	api.Function
	stack   []byte
	execCtx struct {
		stackBottomPtr           *byte
		stackPointerBeforeGoCall P
		savedRegisters           [64][2]uint64
	}
	tryHandlers      []fakeHandler
	pendingException *fakeException
}

type fakeHandler struct {
	savedRegisters [64][2]uint64
	stack          []byte
}

type fakeException struct{ Params []uint64 }

// use has h use stack, from sp on, outside of try blocks.
func (h *fakeHandle[P]) use(stack []byte, sp P) {
	h.stack, h.tryHandlers, h.pendingException = stack, nil, nil
	h.execCtx.stackBottomPtr, h.execCtx.stackPointerBeforeGoCall = &stack[0], sp
}

// used points to the last n bytes of stack.
func used(stack []byte, n int) *uint64 { return (*uint64)(unsafe.Pointer(&stack[len(stack)-n])) }

// TestCutStackIsAnother: what was cut from a stack is not given back to another,
// though the engine has let go of the first and the other gets its address.
func TestCutStackIsAnother(t *testing.T) {
	const size = 10240
	for range 20 {
		h := &fakeHandle[*uint64]{}
		a := activation{fn: h}
		stack := make([]byte, size)
		h.use(stack, used(stack, 4096))
		at := uintptr(unsafe.Pointer(&h.stack[0]))
		if _, err := a.told(corewasm.TryBlock); err != nil || len(h.stack) == size {
			t.Fatalf("nothing was cut: %v", err)
		}
		stack = make([]byte, 64) // an exception is caught
		h.use(stack, used(stack, 32))
		runtime.GC()
		for range 100 {
			stack = make([]byte, size)
			if h.use(stack, used(stack, 4096)); uintptr(unsafe.Pointer(&h.stack[0])) == at {
				break
			}
		}
		first := &h.stack[0]
		a.end()
		if &h.stack[0] != first {
			t.Fatal("the other stack begins before itself")
		}
	}
}

// TestCutStackIsGivenBack: at its end a call gives back all that was cut.
func TestCutStackIsGivenBack(t *testing.T) {
	h := &fakeHandle[*uint64]{}
	a := activation{fn: h}
	stack := make([]byte, 10240)
	h.use(stack, nil)
	for _, n := range []int{4096, 1024} {
		h.execCtx.stackPointerBeforeGoCall = used(stack, n)
		if _, err := a.told(corewasm.TryBlock); err != nil || len(h.stack) != n+leastReserve {
			t.Errorf("of a stack with %d bytes in use %d are left, %v; want %d more", n, len(h.stack), err, leastReserve)
		}
		if got := a.held(); got != uint64(len(stack)) {
			t.Errorf("it holds %d bytes, want %d", got, len(stack))
		}
	}
	a.end()
	if &h.stack[0] != &stack[0] || len(h.stack) != len(stack) || h.execCtx.stackBottomPtr != &stack[0] {
		t.Errorf("%d bytes are left, want %d", len(h.stack), len(stack))
	}
}

// TestTryBlocksAreHeld: what the engine keeps of the try blocks that a call is
// inside of counts, and of those that it has left nothing is kept.
func TestTryBlocksAreHeld(t *testing.T) {
	const n, stackBytes = 10, 100
	h := &fakeHandle[*uint64]{}
	a := activation{fn: h}
	stack := make([]byte, 10240)
	h.use(stack, used(stack, 4096))
	for range n {
		if _, err := a.told(corewasm.TryBlock); err != nil {
			t.Fatal(err)
		}
		h.tryHandlers = append(h.tryHandlers, fakeHandler{stack: make([]byte, stackBytes)})
	}
	if got, want := a.held(), uint64(len(stack)+n*(int(unsafe.Sizeof(fakeHandler{}))+stackBytes)); got != want {
		t.Errorf("%d bytes are held, want %d", got, want)
	}
	kept := func() (left []int) {
		for i, f := range h.tryHandlers[len(h.tryHandlers):cap(h.tryHandlers)] {
			if f.stack != nil {
				left = append(left, len(h.tryHandlers)+i)
			}
		}
		return left
	}
	h.tryHandlers = h.tryHandlers[:4]
	if _, err := a.told(corewasm.TryBlock); err != nil || kept() != nil {
		t.Errorf("before the next try block copies are left in %v (%v)", kept(), err)
	}
	h.tryHandlers = append(h.tryHandlers, fakeHandler{stack: make([]byte, stackBytes)})
	if _, err := a.told(corewasm.Throw); err != nil {
		t.Fatal(err)
	}
	h.tryHandlers = h.tryHandlers[:0]
	if a.end(); kept() != nil {
		t.Errorf("after the call copies are left in %v", kept())
	}
}

// TestReferencesAreFound: an exception is kept as long as anything looks like a
// reference to it that the guest may still read, wherever that is, and no longer.
func TestReferencesAreFound(t *testing.T) {
	h := &fakeHandle[*uint64]{}
	stack, copied := make([]byte, 4096), make([]byte, 1024)
	h.use(stack, used(stack, 2048))
	h.tryHandlers = []fakeHandler{{}, {stack: copied}}
	s := stackOf(h)
	var e exceptions
	holders := map[string]func(ref uint64){
		"a register":                   func(ref uint64) { h.execCtx.savedRegisters[3][0] = ref },
		"the last word of the stack":   func(ref uint64) { binary.NativeEndian.PutUint64(stack[4088:], ref) },
		"the first of it that is used": func(ref uint64) { binary.NativeEndian.PutUint64(stack[2048:], ref) },
		"a register of a try block":    func(ref uint64) { h.tryHandlers[0].savedRegisters[63][1] = ref },
		"the stack of a try block":     func(ref uint64) { binary.NativeEndian.PutUint64(copied[512:], ref) },
		"what of the stack is unused":  func(ref uint64) { binary.NativeEndian.PutUint64(stack[2040:], ref) },
		"nothing":                      func(uint64) {},
	}
	kept := map[unsafe.Pointer]string{}
	for name, hold := range holders {
		h.pendingException = &fakeException{Params: make([]uint64, 3)}
		p := unsafe.Pointer(h.pendingException)
		kept[p] = name
		hold(uint64(uintptr(p)))
		e.keep(s)
	}
	e.prune(s)
	for _, p := range e.list {
		if name := kept[p]; name == "what of the stack is unused" || name == "nothing" {
			t.Errorf("the exception that %s refers to is kept", name)
		}
		delete(kept, p)
	}
	for _, name := range kept {
		if name != "what of the stack is unused" && name != "nothing" {
			t.Errorf("the exception that %s refers to is let go", name)
		}
	}
	if want := 5 * (exceptionBytes + 3*8); e.bytes != want {
		t.Errorf("they take %d bytes, want %d", e.bytes, want)
	}
}

// TestEngineIsStudied: the fields of the engine's handles are where they were,
// in the version that this module is built with.
func TestEngineIsStudied(t *testing.T) {
	e, err := NewEngine(t.Context(), EngineConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(t.Context())
	if !compiles(e.rt) {
		t.Skip("the engine has no compiler here")
	}
	m := &wasmbuild.Module{}
	m.Export("run", wasmbuild.Func, m.Func(m.Type("", ""), ""))
	mod, err := e.rt.Instantiate(t.Context(), m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if f := stackOf(mod.ExportedFunction("run")).f; !f.known || !f.tries {
		t.Errorf("of wazero %s: stacks are known: %v, exceptions: %v; see studiedEngine", engineVersion(), f.known, f.tries)
	}
}

// TestEngineThatIsAnother: where a field has another type nothing is read or
// written by it.
func TestEngineThatIsAnother(t *testing.T) {
	h := &fakeHandle[uintptr]{}
	h.use(make([]byte, 100), 0)
	a := activation{fn: h}
	if _, err := a.told(corewasm.TryBlock); !errors.Is(err, errcode.Internal) {
		t.Errorf("a stack pointer of another type: %v, want internal", err)
	}
	if got := a.held(); got != 100 {
		t.Errorf("its stack has %d bytes, want 100", got)
	}
	a.end()
}
