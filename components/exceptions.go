package components

import (
	"cmp"
	"slices"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
)

// activation is a call of a core function that is under way.
type activation struct {
	fn api.Function
	// tries is what there is to know where exceptions are used; nil before.
	tries *tries
}

// tries is what the engine forgets about a call that uses exceptions.
type tries struct {
	length int // of the stack when it was looked at last
	inside int // try blocks that it was inside of since, at most
	// reserve is how much is left of the stack that is not in use when a try block
	// copies it: as much as calls inside need, so that it need not grow for them.
	// It is doubled where it was too small, and halved where it long was enough.
	reserve int
	enough  int // how many try blocks in a row it was enough for
	// whole is the stack that was cut last, as it was before; nil for none. A
	// reference, not an address: another stack may get the address of one that
	// was let go.
	whole  []byte
	thrown exceptions
}

const (
	// leastReserve is the first reserve.
	leastReserve = 64
	// enoughTries is after how many try blocks that it was enough for less is tried.
	enoughTries = 1024
)

// told is called before the guest does what, corewasm.TryBlock or a throw. It
// returns how many bytes of garbage it makes by that, and has made.
//
// Errors: ErrExhausted if it is inside of too many try blocks.
func (a *activation) told(what int32) (garbage int, err error) {
	s := stackOf(a.fn)
	switch {
	case !s.f.known: // exceptions are the interpreter's panics
		return 0, nil
	case !s.f.tries:
		return 0, errcode.New(errcode.Internal, "exceptions: the engine does not keep them where it did")
	}
	length := len(*s.bytes())
	t := a.tries
	if t == nil {
		t = &tries{length: length, reserve: leastReserve}
		a.tries = t
	}
	n := s.handlers()
	s.forget(t.inside)
	t.inside = n
	if length > t.length+16 { // it grew, from copies of half the size
		garbage += 2 * length
		t.reserve, t.enough = 2*t.reserve, 0
	}
	if what == corewasm.TryBlock {
		if n >= maxHandlers {
			return 0, errcode.New(errcode.Exhausted, "try blocks inside one another: %d > %d", n+1, maxHandlers)
		}
		t.inside++
		if t.enough++; t.enough > enoughTries {
			t.reserve, t.enough = max(t.reserve/2, leastReserve), 0
		}
		length = t.shrink(s)
		garbage += length
	} else {
		t.thrown.keep(s)
		garbage += exceptionBytes + int(what) - corewasm.Throw
	}
	t.length = length
	return garbage, nil
}

// held returns the bytes of stack that the call holds, copies, try blocks and
// exceptions included.
func (a *activation) held() uint64 {
	s := stackOf(a.fn)
	bytes := s.held()
	if t := a.tries; t != nil {
		bytes += uint64(t.thrown.bytes + t.hidden(s))
	}
	return bytes
}

// end is called when the call has ended. The handle gets back what was cut, and
// keeps no copies.
func (a *activation) end() {
	if t := a.tries; t != nil {
		s := stackOf(a.fn)
		s.forget(t.inside)
		if t.hidden(s) > 0 {
			s.restore(t.whole)
		}
	}
	*a = activation{}
}

// hidden returns how many bytes were cut from the stack that s has now.
func (t *tries) hidden(s engineStack) int {
	if !s.within(t.whole) {
		return 0
	}
	return len(t.whole) - len(*s.bytes())
}

// shrink returns the length of the stack after it made it shorter, for a try
// block to copy less. The engine makes it longer by 16 bytes with each exception
// that is caught.
func (t *tries) shrink(s engineStack) int {
	stack := *s.bytes()
	if !s.within(t.whole) { // it grew, or an exception brought back a copy
		t.whole = nil
	}
	n := (s.spare() - t.reserve) &^ 15
	if n <= 0 || !s.cut(n) {
		return len(stack)
	}
	if t.whole == nil {
		t.whole = stack
	}
	return len(stack) - n
}

// exceptions are those that the guest may hold references to. The engine has
// the collector know only of the one that was thrown last.
type exceptions struct {
	list  []unsafe.Pointer
	bytes int // that they take
	next  int // how many they may take before those are let go that nobody holds
}

// looseExceptions is how many bytes exceptions may take that nobody holds.
const looseExceptions = 64 << 10

// keep keeps the exception that was thrown last, before the next is thrown.
func (e *exceptions) keep(s engineStack) {
	p := s.pending()
	if p == nil || len(e.list) > 0 && e.list[len(e.list)-1] == p {
		return
	}
	e.list = append(e.list, p)
	e.bytes += s.size(p)
	if e.bytes >= max(e.next, looseExceptions) {
		e.prune(s)
		e.next = 2*e.bytes + looseExceptions
	}
}

// prune lets go of those to which nothing that the guest has looks like a
// reference. A reference cannot be in a global, a table or an exception, see
// corewasm.Scan.
func (e *exceptions) prune(s engineStack) {
	slices.SortFunc(e.list, func(a, b unsafe.Pointer) int { return cmp.Compare(uintptr(a), uintptr(b)) })
	e.list = slices.Compact(e.list)
	held := make([]bool, len(e.list))
	first, last := uintptr(e.list[0]), uintptr(e.list[len(e.list)-1])
	s.words(func(words []uintptr) {
		for _, w := range words {
			if w < first || w > last {
				continue
			}
			if i, ok := slices.BinarySearchFunc(e.list, w, func(p unsafe.Pointer, w uintptr) int { return cmp.Compare(uintptr(p), w) }); ok {
				held[i] = true
			}
		}
	})
	n := 0
	e.bytes = 0
	for i, p := range e.list {
		if held[i] {
			e.list[n] = p
			e.bytes += s.size(p)
			n++
		}
	}
	clear(e.list[n:])
	e.list = e.list[:n]
}
