package main

import "unsafe"

// What the host puts into memory lies beside Go's own, see
// examples/toolchain/go_memory.wat: cabi_realloc is there, and does not enter Go.

//go:wasmimport memory cabi_free
func release(at, n uint32)

func address(p unsafe.Pointer) uint32 { return uint32(uintptr(p)) }

// memory is the n bytes at an address.
func memory(at, n uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(uintptr(at))), n)
}

// take copies n bytes that the host put into memory, and gives the memory back.
func take(at, n uint32) string {
	s := string(memory(at, n))
	release(at, n)
	return s
}

// lent holds what the host may still read through a bare address: the program
// may go on, and collect, before it does. It is emptied at each request.
var lent []any

// lend gives a string's address and length.
func lend(s string) (at, n uint32) {
	if s == "" {
		return 1, 0
	}
	lent = append(lent, s)
	return address(unsafe.Pointer(unsafe.StringData(s))), uint32(len(s))
}

// area receives a result that is more than one number: its case, then the
// payload at the payload's alignment.
type area struct{ words [16]uint64 }

// newArea makes an area that does not move: not on a goroutine's stack.
//
//go:noinline
func newArea() *area { return new(area) }

func (a *area) at() uint32       { return address(unsafe.Pointer(a)) }
func (a *area) u8(o uint32) byte { return memory(a.at()+o, 1)[0] }
func (a *area) u32(o uint32) uint32 {
	return *(*uint32)(unsafe.Pointer(uintptr(a.at() + o)))
}
func (a *area) u64(o uint32) uint64 {
	return *(*uint64)(unsafe.Pointer(uintptr(a.at() + o)))
}
func (a *area) text(o uint32) string { return take(a.u32(o), a.u32(o+4)) }
