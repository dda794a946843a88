package memory

import (
	"encoding/binary"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// imageFile is an image as an anonymous file, so that memories map it instead
// of copying it.
type imageFile struct {
	fd   int // -1 or 0 without one
	size uint64
}

// mapAbove is from how many bytes on an image is mapped. Below, the copy costs
// less than the page faults.
const mapAbove = 256 << 10

// make writes a large image into a file; without one, memories copy it.
func (f *imageFile) make(im *image) {
	total := 0
	for _, s := range im.runs {
		total += len(s.Data)
	}
	if total < mapAbove {
		return
	}
	fd, err := unix.MemfdCreate("image", unix.MFD_CLOEXEC)
	if err != nil {
		return
	}
	page := uint64(os.Getpagesize())
	size := (im.end + page - 1) &^ (page - 1)
	if err = unix.Ftruncate(fd, int64(size)); err == nil {
		for _, s := range im.runs {
			if err = writeAll(fd, s.Data, int64(s.Offset)); err != nil {
				break
			}
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return
	}
	f.fd, f.size = fd, size
}

func writeAll(fd int, b []byte, off int64) error {
	for len(b) > 0 {
		n, err := unix.Pwrite(fd, b, off)
		if err != nil {
			return err
		}
		b, off = b[n:], off+int64(n)
	}
	return nil
}

func (f *imageFile) close() {
	if f.size > 0 {
		_ = unix.Close(f.fd)
		f.size = 0
	}
}

// mapInto maps the image over the start of base and returns how many bytes it
// covers, 0 if it must be copied.
func (im *image) mapInto(base []byte) uint64 {
	size := im.file.size
	if size == 0 || size > uint64(len(base)) {
		return 0
	}
	_, err := unix.MmapPtr(im.file.fd, 0, unsafe.Pointer(&base[0]), uintptr(size),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
	if err != nil {
		return 0
	}
	return size
}

// forget makes what m ever held zeros that are no part of a file.
func (m *Memory) forget() bool {
	if m.mapped > 0 {
		_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(&m.base[0]), uintptr(m.mapped),
			unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_ANON|unix.MAP_NORESERVE)
		if err != nil {
			return false
		}
		noHugePages(m.base[:m.mapped])
		m.mapped = 0
	}
	return m.high == 0 || unix.Madvise(m.base[:m.high], unix.MADV_DONTNEED) == nil
}

// noHugePages asks for small pages: a guest that touches a byte is to cost
// 4 KiB, not 2 MiB.
func noHugePages(b []byte) {
	_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) // kernels without huge pages refuse
}

const (
	// lookBytes is how large a memory may be for its pages to be looked at one
	// by one: eight bytes of page map for each.
	lookBytes = 16 << 20
	// touchedPages is how many pages are restored in place. Restoring one is
	// ten times as fast as giving it back and faulting it in again, but what
	// one instance needed is then held by all that come after.
	touchedPages = 256
)

// reset sets m back to its initial state and reports whether it could.
func (m *Memory) reset() bool {
	if m.high == 0 {
		return true
	}
	if m.high > lookBytes || !m.restoreTouched() {
		// Private mappings read as the file, or as zero, after this.
		if unix.Madvise(m.base[:m.high], unix.MADV_DONTNEED) != nil {
			return false
		}
		m.load()
	}
	m.high = m.pool.min
	return true
}

// What the kernel's page map says of a page. A page that was written is present
// or swapped out, and no page of a file: private pages of the image that were
// not written still are.
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61
)

var pageMap = sync.OnceValue(func() int {
	fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
})

var mapBuffers = sync.Pool{New: func() any { b := make([]byte, lookBytes/4096*8); return &b }}

// restoreTouched restores the pages that were written, if they are few and the
// kernel tells which.
func (m *Memory) restoreTouched() bool {
	fd := pageMap()
	page := uint64(os.Getpagesize())
	if fd < 0 || page < 4096 {
		return false
	}
	buf := mapBuffers.Get().(*[]byte)
	defer mapBuffers.Put(buf)
	entries := (*buf)[:m.high/page*8]
	first := uint64(uintptr(unsafe.Pointer(&m.base[0]))) / page
	if n, err := unix.Pread(fd, entries, int64(first*8)); err != nil || n != len(entries) {
		return false
	}
	var touched [touchedPages]uint32
	n := 0
	for i := 0; i < len(entries); i += 8 {
		e := binary.NativeEndian.Uint64(entries[i:])
		if e&(pagePresent|pageSwapped) == 0 || e&pageOfFile != 0 {
			continue
		}
		if n == touchedPages {
			return false
		}
		touched[n] = uint32(i / 8)
		n++
	}
	for _, i := range touched[:n] {
		off := uint64(i) * page
		m.pool.image.restore(m.base[off:off+page], off)
	}
	return true
}
