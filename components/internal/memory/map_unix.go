//go:build unix

package memory

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"latticework/internal/errcode"
)

// reserve returns size bytes of zeroed address space; pages cost memory when
// they are first written.
func reserve(size uint64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	// Not Mmap, which keeps a record of each.
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|noReserve)
	if err != nil {
		return nil, errcode.New(errcode.Exhausted, "reserve %d bytes for a linear memory: %w", size, err)
	}
	b := unsafe.Slice((*byte)(p), size)
	noHugePages(b)
	return b, nil
}

func release(b []byte) {
	if len(b) > 0 {
		_ = unix.MunmapPtr(unsafe.Pointer(&b[0]), uintptr(len(b))) // fails only for what is no mapping
	}
}
