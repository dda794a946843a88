//go:build unix

package memory

import (
	"golang.org/x/sys/unix"

	"latticework/internal/errcode"
)

// reserve returns size bytes of zeroed address space; pages cost memory when
// they are first written.
func reserve(size uint64) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	b, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, errcode.New(errcode.Exhausted, "reserve %d bytes for a linear memory: %w", size, err)
	}
	noHugePages(b)
	return b, nil
}

func release(b []byte) {
	if len(b) > 0 {
		_ = unix.Munmap(b) // fails only for a slice that is no mapping
	}
}
