package kvfile

import (
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
	"io"
	"os"
	"runtime/debug"

	"latticework/internal/errcode"
)

// damaged turns what a file with wrong contents leads to into an error: a
// panic of the library, or a fault where the file does not reach. Use it as
//
//	defer damaged(&err, path, watchFaults())
func damaged(err *error, path string, faults bool) {
	debug.SetPanicOnFault(faults)
	if r := recover(); r != nil {
		*err = errDamaged(path, "%v", r)
	}
}

// watchFaults makes faults of this goroutine panics and returns what it was
// before.
func watchFaults() bool { return debug.SetPanicOnFault(true) }

func errDamaged(path, format string, args ...any) error {
	return errcode.New(errcode.Internal, "use data file %s: it is damaged: %w", path, errcode.New(errcode.Internal, format, args...)).
		WithNext("restore it from a backup, or move it away to start empty")
}

// A value is stored behind a checksum of key and value.
const sumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(storedKey, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(storedKey, castagnoli), castagnoli, value)
}

func storedValue(storedKey, value []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, sumSize+len(value)), sum(storedKey, value))
	return append(b, value...)
}

// loadValue returns the value in stored, which is not nil.
func loadValue(storedKey, stored []byte) (value []byte, ok bool) {
	if len(stored) < sumSize {
		return nil, false
	}
	value = stored[sumSize:]
	return value, binary.BigEndian.Uint32(stored) == sum(storedKey, value)
}

// checkSize refuses a file that is shorter than its own head says: reading
// it would fault. A missing or empty file is good, and any other that has no
// readable head is left to the library.
func checkSize(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil
	}
	pageSize, pages, ok := newestHead(f)
	if need := int64(pages) * int64(pageSize); ok && info.Size() < need {
		return errcode.New(errcode.Invalid, "open data file %s: it is cut short: %d bytes < %d", path, info.Size(), need).
			WithNext("restore it from a backup, or move it away to start empty")
	}
	return nil
}

// newestHead reads the newer one of the two heads that the library keeps in
// the first two pages: after 16 bytes of page header come magic, version,
// page size and flags as u32, then root, sequence, free list, page count and
// transaction as u64, and FNV-1a of all that, in the machine's byte order.
func newestHead(f io.ReaderAt) (pageSize uint32, pages uint64, ok bool) {
	const start, sumAt, end = 16, 72, 80
	var newest uint64
	sizes := []int64{int64(os.Getpagesize()), 4 << 10, 16 << 10, 64 << 10}
	for _, at := range append([]int64{0}, sizes...) {
		var b [end]byte
		if _, err := f.ReadAt(b[:], at); err != nil {
			continue
		}
		hash := fnv.New64a()
		_, _ = hash.Write(b[start:sumAt])
		u64 := func(i int) uint64 { return binary.NativeEndian.Uint64(b[i:]) }
		if binary.NativeEndian.Uint32(b[start:]) != 0xED0CDAED || hash.Sum64() != u64(sumAt) {
			continue
		}
		if txid := u64(64); !ok || txid > newest {
			pageSize, pages, newest, ok = binary.NativeEndian.Uint32(b[24:]), u64(56), txid, true
		}
	}
	return pageSize, pages, ok
}
