package memory

import "golang.org/x/sys/unix"

// clear zeroes what the guest may have written.
func (m *Memory) clear() bool {
	return unix.Madvise(m.base[:m.high], unix.MADV_DONTNEED) == nil
}
