package components

import (
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
	"latticework/internal/wasmbuild"
)

// fakeHandle has the fields of the engine's handles that are looked at.
type fakeHandle struct {
	api.Function
	stack   []byte
	execCtx struct {
		stackBottomPtr           *byte
		stackPointerBeforeGoCall *uint64
		savedRegisters           [64][2]uint64
	}
	tryHandlers []struct {
		stack []byte
	}
	pendingException *struct{ Params []uint64 }
}

// use has h use stack, of which used bytes are in use.
func (h *fakeHandle) use(stack []byte, used int) {
	h.stack = stack
	h.execCtx.stackBottomPtr = &stack[0]
	h.execCtx.stackPointerBeforeGoCall = (*uint64)(unsafe.Pointer(&stack[len(stack)-used]))
}

// TestCutStackIsAnother: what was cut from a stack is not given back to another,
// though the engine has let go of the first and the other gets its address.
func TestCutStackIsAnother(t *testing.T) {
	const size, used = 10240, 4096
	for range 20 {
		h := &fakeHandle{}
		a := activation{fn: h}
		h.use(make([]byte, size), used)
		at := uintptr(unsafe.Pointer(&h.stack[0]))
		if _, err := a.told(corewasm.TryBlock); err != nil || len(h.stack) == size {
			t.Fatalf("nothing was cut: %v", err)
		}
		h.use(make([]byte, 64), 32) // an exception is caught
		runtime.GC()
		for range 100 {
			if h.use(make([]byte, size), used); uintptr(unsafe.Pointer(&h.stack[0])) == at {
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
	h := &fakeHandle{}
	a := activation{fn: h}
	stack := make([]byte, 10240)
	h.use(stack, 4096)
	for _, used := range []int{4096, 1024} {
		h.execCtx.stackPointerBeforeGoCall = (*uint64)(unsafe.Pointer(&stack[len(stack)-used]))
		if _, err := a.told(corewasm.TryBlock); err != nil || len(h.stack) != used+leastReserve {
			t.Errorf("of a stack with %d bytes in use %d are left, %v; want %d more", used, len(h.stack), err, leastReserve)
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
	type another struct {
		fakeHandle
		stack   []byte
		execCtx struct {
			stackBottomPtr           *byte
			stackPointerBeforeGoCall uintptr
			savedRegisters           [64][2]uint64
		}
		tryHandlers      []struct{ stack []byte }
		pendingException *struct{ Params []uint64 }
	}
	a := activation{fn: &another{stack: make([]byte, 100)}}
	if _, err := a.told(corewasm.TryBlock); !errors.Is(err, errcode.Internal) {
		t.Errorf("a stack pointer of another type: %v, want internal", err)
	}
	if got := a.held(); got != 100 {
		t.Errorf("its stack has %d bytes, want 100", got)
	}
	a.end()
}
