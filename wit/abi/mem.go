package abi

import (
	"errors"
	"fmt"

	"latticework/internal/errcode"
	"latticework/wit"
)

// The canonical ABI's bounds on what one string or list may take, in bytes.
const (
	MaxStringByteLength = 1<<28 - 1
	MaxListByteLength   = 1<<28 - 1
)

// DefaultMaxMoved is the default of Mem.MaxMoved.
const DefaultMaxMoved = 1 << 30

// ErrMaxMoved is in the chain of the failure of a read beyond Mem.MaxMoved.
var ErrMaxMoved = errors.New("bytes of strings and lists: no more may be read")

// Encoding is how a component keeps its strings.
type Encoding uint8

// The string encodings; the zero value is the canonical options' default.
const (
	UTF8 Encoding = iota
	UTF16
	Latin1UTF16
)

// Allocator is a guest's realloc.
type Allocator interface {
	// Realloc calls the guest's realloc function and returns the pointer and
	// the whole linear memory as it is afterwards. The caller checks the
	// pointer.
	Realloc(oldPtr, oldSize, align, newSize uint32) (ptr uint32, mem []byte, err error)
}

// AsyncHandles is the table of a guest's streams, futures and error-contexts;
// t tells which, and of what.
type AsyncHandles interface {
	LiftAsync(i uint32, t *wit.Type) (any, error)
	LowerAsync(rep any, t *wit.Type) (uint32, error)
}

// Mem is a guest's memory as the canonical options of one lift or lower see
// it. Its methods read and write values in the ABI's memory layout: the slice
// they take begins where the value does and holds at least its size. Pointers
// inside are followed and checked.
//
// The first failure is kept, see [Mem.Err]. After it loads answer zero values
// and stores have no effect that matters, so that callers may check once.
//
// Invariant, kept by the runtime: Data never moves during a call, it only
// grows; so slices of it stay valid while the guest allocates.
type Mem struct {
	// Data is the whole linear memory; nil without the memory option.
	Data []byte
	// Encoding is that of the guest's strings.
	Encoding Encoding
	// Handles is the guest's table of resource handles; without it loading
	// or storing a handle fails.
	Handles Handles
	// Async is the guest's table of streams, futures and error-contexts;
	// without it loading or storing one fails with unsupported.
	Async AsyncHandles
	// Alloc is the guest's realloc; without it a store that needs memory
	// fails.
	Alloc Allocator
	// MaxMoved bounds the bytes of strings and lists that are read until
	// ClearErr; 0 means DefaultMaxMoved. Without a bound a small list whose
	// elements all point to one large string would keep the host busy, and
	// its memory growing, for as long as a guest likes.
	MaxMoved uint64

	moved uint64
	err   error
}

// Err returns the first failure. Its code is trap where the specification
// traps.
func (m *Mem) Err() error { return m.err }

// Fail records err as the failure, unless there is one already.
func (m *Mem) Fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// ClearErr forgets the failure and what was moved; a runtime does so between
// calls.
func (m *Mem) ClearErr() { m.err, m.moved = nil, 0 }

func (m *Mem) trapf(format string, args ...any) {
	if m.err == nil {
		m.err = errcode.New(errcode.Trap, format, args...)
	}
}

// View returns the size bytes at ptr; it traps, and returns nil, if ptr is
// not a multiple of align, a power of two, or if they are not all in memory.
// It fails with exhausted beyond MaxMoved.
func (m *Mem) View(ptr, size, align uint32) []byte {
	b := m.Place(ptr, size, align)
	if m.err != nil {
		return nil
	}
	m.moved += uint64(size)
	if limit := m.maxMoved(); m.moved > limit {
		m.Fail(&errcode.Error{Code: errcode.Exhausted, Msg: fmt.Sprintf("read memory: %d bytes moved > %d", m.moved, limit), Err: ErrMaxMoved})
		return nil
	}
	return b
}

// Place is View for what is written there only: it does not count in MaxMoved.
func (m *Mem) Place(ptr, size, align uint32) []byte {
	if m.err != nil {
		return nil
	}
	if ptr&(align-1) != 0 {
		m.trapf("access memory: pointer %#x is not aligned to %d", ptr, align)
		return nil
	}
	end := uint64(ptr) + uint64(size)
	if end > uint64(len(m.Data)) {
		m.trapf("access memory: %d bytes at %#x, memory has %d", size, ptr, len(m.Data))
		return nil
	}
	return m.Data[ptr:end:end]
}

func (m *Mem) maxMoved() uint64 {
	if m.MaxMoved == 0 {
		return DefaultMaxMoved
	}
	return m.MaxMoved
}

// Allocate has the guest allocate size bytes and returns where; b is nil
// after a failure.
func (m *Mem) Allocate(size, align uint32) (ptr uint32, b []byte) {
	ptr, ok := m.realloc(0, 0, align, size)
	if !ok {
		return 0, nil
	}
	end := ptr + size
	return ptr, m.Data[ptr:end:end]
}

// realloc calls the guest's realloc and checks what it answers.
func (m *Mem) realloc(oldPtr, oldSize, align, newSize uint32) (uint32, bool) {
	if m.err != nil {
		return 0, false
	}
	if m.Alloc == nil {
		m.Fail(errcode.New(errcode.Unsupported, "allocate %d bytes: the guest gave no realloc", newSize))
		return 0, false
	}
	ptr, data, err := m.Alloc.Realloc(oldPtr, oldSize, align, newSize)
	if err != nil {
		m.Fail(err)
		return 0, false
	}
	m.Data = data
	if ptr&(align-1) != 0 {
		m.trapf("allocate %d bytes: realloc answered %#x, not aligned to %d", newSize, ptr, align)
		return 0, false
	}
	if uint64(ptr)+uint64(newSize) > uint64(len(data)) {
		m.trapf("allocate %d bytes: realloc answered %#x, memory has %d", newSize, ptr, len(data))
		return 0, false
	}
	return ptr, true
}
