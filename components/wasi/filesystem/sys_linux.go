package filesystem

import (
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// omitTime tells utimensat to leave a time.
var omitTime = unix.Timespec{Nsec: unix.UTIME_OMIT}

// setFileTimes sets the times of an open file; the zero time leaves one.
func setFileTimes(f *os.File, access, modification time.Time) error {
	ts, err := timespecs(access, modification)
	if err != nil {
		return err
	}
	// utimensat without a path works on the descriptor itself, which the
	// wrapper in x/sys cannot say.
	return retry(func() error {
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, f.Fd(), 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// extraOf reads what the system put into fi.
func extraOf(fi fs.FileInfo) extra {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return extra{links: 1}
	}
	return extra{
		links:  uint64(st.Nlink),
		access: time.Unix(st.Atim.Unix()),
		change: time.Unix(st.Ctim.Unix()),
		device: uint64(st.Dev),
		inode:  st.Ino,
	}
}

// advice maps WASI's advice.
var advices = map[wasifs.Advice]int{
	wasifs.AdviceNormal:     unix.FADV_NORMAL,
	wasifs.AdviceSequential: unix.FADV_SEQUENTIAL,
	wasifs.AdviceRandom:     unix.FADV_RANDOM,
	wasifs.AdviceWillNeed:   unix.FADV_WILLNEED,
	wasifs.AdviceDontNeed:   unix.FADV_DONTNEED,
	wasifs.AdviceNoReuse:    unix.FADV_NOREUSE,
}

func advise(f *os.File, offset, length int64, advice wasifs.Advice) error {
	return retry(func() error { return unix.Fadvise(int(f.Fd()), offset, length, advices[advice]) })
}

// appendFile appends b in one step where the file system can.
func appendFile(o *openFile, b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Pwritev2(int(o.f.Fd()), [][]byte{b[done:]}, 0, unix.RWF_APPEND)
		switch {
		case err == unix.EINTR:
			continue
		case done == 0 && (err == unix.EOPNOTSUPP || err == unix.ENOSYS || err == unix.EINVAL):
			return appendAtSize(o, b)
		case err != nil:
			return done, err
		case n == 0:
			return done, io.ErrShortWrite
		}
		done += n
	}
	return done, nil
}
