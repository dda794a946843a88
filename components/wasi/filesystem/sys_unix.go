//go:build unix && !linux

package filesystem

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// omitTime tells utimensat to leave a time.
var omitTime = unix.Timespec{Nsec: -2}

// setFileTimes sets the times of an open file, to the microsecond; the zero
// time leaves one.
func setFileTimes(f *os.File, access, modification time.Time) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if access.IsZero() {
		access = fi.ModTime()
	}
	if modification.IsZero() {
		modification = fi.ModTime()
	}
	tv := []unix.Timeval{unix.NsecToTimeval(access.UnixNano()), unix.NsecToTimeval(modification.UnixNano())}
	return retry(func() error { return unix.Futimes(int(f.Fd()), tv) })
}

// extraOf knows no more than the standard library on these systems.
func extraOf(fs.FileInfo) extra { return extra{links: 1} }

// advise is only checked: the system takes no advice.
func advise(*os.File, int64, int64, wasifs.Advice) error { return nil }

func appendFile(o *openFile, b []byte) (int, error) { return appendAtSize(o, b) }
