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
	tryHandlers      []struct{ stack []byte }
	pendingException *struct{ Params []uint64 }
}

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
