package abi

import (
	"fmt"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit"
)

// heap is a guest's memory with a realloc that never reuses anything. Its
// memory does not move.
type heap struct {
	mem  []byte
	last uint32
	log  [][5]uint32 // old pointer, old size, align, new size, answer
	// answer, if set, replaces the next pointers.
	answer func(ptr uint32) uint32
}

func newHeap() *heap { return &heap{mem: make([]byte, 1<<16, 1<<18), last: 16} }

func (h *heap) Realloc(oldPtr, oldSize, align, newSize uint32) (uint32, []byte, error) {
	ptr := (h.last + align - 1) &^ (align - 1)
	end := uint64(ptr) + uint64(newSize)
	if end > uint64(cap(h.mem)) {
		return 0, nil, errcode.New(errcode.Trap, "heap: %d bytes > %d", end, cap(h.mem))
	}
	if end > uint64(len(h.mem)) {
		h.mem = h.mem[:end]
	}
	h.last = uint32(end)
	copy(h.mem[ptr:end], h.mem[oldPtr:oldPtr+oldSize])
	if h.answer != nil {
		ptr = h.answer(ptr)
	}
	h.log = append(h.log, [5]uint32{oldPtr, oldSize, align, newSize, ptr})
	return ptr, h.mem, nil
}

// handles is a table that counts up from 1.
type handles struct {
	live map[uint32]handle
	next uint32
}

type handle struct {
	rep any
	r   *wit.Resource
	own bool
}

func newHandles(first uint32) *handles { return &handles{live: map[uint32]handle{}, next: first} }

func (h *handles) get(i uint32, r *wit.Resource) (handle, error) {
	x, ok := h.live[i]
	if !ok || x.r != r {
		return x, errcode.New(errcode.Trap, "handle %d is no %s", i, r.Name)
	}
	return x, nil
}

func (h *handles) LiftOwn(i uint32, r *wit.Resource) (any, error) {
	x, err := h.get(i, r)
	if err != nil || !x.own {
		return nil, fmt.Errorf("lift own %d: %w", i, errcode.Trap)
	}
	delete(h.live, i)
	return x.rep, nil
}

func (h *handles) LiftBorrow(i uint32, r *wit.Resource) (any, error) {
	x, err := h.get(i, r)
	return x.rep, err
}

func (h *handles) LowerOwn(rep any, r *wit.Resource) (uint32, error) {
	h.next++
	h.live[h.next] = handle{rep, r, true}
	return h.next, nil
}

func (h *handles) LowerBorrow(rep any, r *wit.Resource) (uint32, error) {
	h.next++
	h.live[h.next] = handle{rep, r, false}
	return h.next, nil
}

func (h *handles) Owner(uint32) Owner { return nil }

func (h *handles) SetOwner(Owner) {}

var encodings = []Encoding{UTF8, UTF16, Latin1UTF16}

// newMem returns a guest's memory with a heap and a table of handles.
func newMem(enc Encoding) (*Mem, *heap) {
	h := newHeap()
	return &Mem{Data: h.mem, Encoding: enc, Alloc: h, Handles: newHandles(100)}, h
}

// place has the guest allocate a place for a value of c.
func place(t testing.TB, m *Mem, c *Codec) []byte {
	t.Helper()
	_, b := m.Allocate(c.Size(), c.Align())
	if m.Err() != nil {
		t.Fatalf("allocate %d bytes: %v", c.Size(), m.Err())
	}
	return b
}
