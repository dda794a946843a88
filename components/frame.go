package components

import (
	"latticework/components/internal/binary"
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// frame is one call across the boundary of a component instance, as that
// instance sees it. Frames are a stack and are used again.
type frame struct {
	call    abi.Call
	state   *state
	options *plan.Options
	lent    []uint32 // handles lent to the callee
	borrows int      // borrowed handles given to the guest and not dropped yet
	owner   abi.Owner
	host    bool // Go is on the other side
	ends    bool // what Go gives for the guest's own ends where the guest does not get it
	ran     bool // guest code ran for this call
	giving  bool // the guest gets a value from Go, which may fail yet
	given   []given
	few     [2]given // the first of given
	buf     []byte
	flat    [maxFlat]uint64
	stack   [4]uint64 // of realloc
}

// maxFlat is the most core values that a call passes: 16 parameters and the
// address of a result.
const maxFlat = 17

// noOptions are those of a call without any.
var noOptions = plan.Options{Memory: -1, Realloc: -1, PostReturn: -1, Callback: -1}

// maxDepth bounds the calls across boundaries inside one another.
const maxDepth = 1_000

var encodings = [...]abi.Encoding{
	binary.OptUTF8: abi.UTF8, binary.OptUTF16: abi.UTF16, binary.OptLatin1UTF16: abi.Latin1UTF16,
}

// push makes the next frame of fb that of a call across the boundary of s.
func (fb *fiber) push(s *state, o *plan.Options) *frame {
	if fb.depth == len(fb.frames) {
		if fb.depth == maxDepth {
			fb.in.throw(errcode.New(errcode.Exhausted, "calls inside one another: %d > %d", fb.depth+1, maxDepth))
		}
		fb.frames = append(fb.frames, &frame{})
	}
	f := fb.frames[fb.depth]
	fb.depth++
	f.init(s, o)
	return f
}

func (f *frame) init(s *state, o *plan.Options) {
	f.state, f.options, f.owner, f.borrows, f.host, f.ends = s, o, nil, 0, false, false
	f.ran, f.giving, f.given = false, false, f.few[:0]
	f.lent = f.lent[:0]
	f.call.ClearErr()
	f.call.Data = s.inst.data(o.Memory)
	f.call.MaxMoved = s.inst.tmpl.limits.ValueBytes
	f.call.Encoding = encodings[o.Encoding]
	f.call.Handles, f.call.Async = f, f
	f.call.Alloc = nil
	if o.Realloc >= 0 {
		f.call.Alloc = f
	}
	f.call.Params, f.call.Result = nil, nil
}

// refresh looks at the memory again after guest code ran.
func (f *frame) refresh() {
	f.call.Data = f.state.inst.data(f.options.Memory)
}

// pop ends f, the last frame of fb: what was lent is given back.
func (fb *fiber) pop(f *frame) {
	f.giveBack()
	fb.depth--
}

// giveBack ends the lending of handles.
func (f *frame) giveBack() {
	t := &f.state.table
	for _, i := range f.lent {
		if uint64(i) < uint64(len(t.entries)) && t.entries[i].lends > 0 {
			t.entries[i].lends--
		}
	}
	f.lent = f.lent[:0]
	f.owner = nil
}

// scratch returns two zeroed buffers that live as long as the call.
func (f *frame) scratch(a, b uint32) ([]byte, []byte) {
	a = (a + 7) &^ 7
	n := int(a + b)
	if cap(f.buf) < n {
		f.buf = make([]byte, n)
	}
	buf := f.buf[:n]
	clear(buf)
	return buf[:a:a], buf[a:n:n]
}

// Realloc calls the guest's allocator. While it runs the guest may not call
// out.
func (f *frame) Realloc(oldPtr, oldSize, align, newSize uint32) (uint32, []byte, error) {
	in := f.state.inst
	f.ran = true
	was := f.state.mayLeave
	f.state.mayLeave = false
	f.stack = [4]uint64{uint64(oldPtr), uint64(oldSize), uint64(align), uint64(newSize)}
	if err := in.cur.callFresh(f.options.Realloc, f.stack[:]); err != nil {
		return 0, nil, err
	}
	f.state.mayLeave = was
	return uint32(f.stack[0]), in.data(f.options.Memory), nil
}
