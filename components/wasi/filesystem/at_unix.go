//go:build unix

package filesystem

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// openDirectory opens a folder and nothing else, without waiting.
	openDirectory = unix.O_DIRECTORY | unix.O_NONBLOCK
	// openNonblock keeps pipes and terminals from blocking in open or from
	// becoming the process's own.
	openNonblock = unix.O_NONBLOCK | unix.O_NOCTTY
)

// retry runs a system call again while signals interrupt it.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func (p place) fd() int { return int(p.dir.Fd()) }

func (p place) mkdir() error {
	return retry(func() error { return unix.Mkdirat(p.fd(), p.name, 0o777) })
}

func (p place) rmdir() error {
	return retry(func() error { return unix.Unlinkat(p.fd(), p.name, unix.AT_REMOVEDIR) })
}

func (p place) unlink() error {
	return retry(func() error { return unix.Unlinkat(p.fd(), p.name, 0) })
}

func (p place) symlink(text string) error {
	return retry(func() error { return unix.Symlinkat(text, p.fd(), p.name) })
}

func (p place) link(to place) error {
	return retry(func() error { return unix.Linkat(p.fd(), p.name, to.fd(), to.name, 0) })
}

func (p place) rename(to place) error {
	return retry(func() error { return unix.Renameat(p.fd(), p.name, to.fd(), to.name) })
}

// status is the little that is asked of an lstat here.
type status struct{ mode uint32 }

func (s status) IsDir() bool { return s.mode&unix.S_IFMT == unix.S_IFDIR }

func (p place) lstat() (status, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstatat(p.fd(), p.name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return status{mode: uint32(st.Mode)}, err
}

// timespec converts t; the zero time leaves what is there.
func timespec(t time.Time) (unix.Timespec, error) {
	if t.IsZero() {
		return omitTime, nil
	}
	return unix.TimeToTimespec(t)
}

func timespecs(access, modification time.Time) (ts [2]unix.Timespec, err error) {
	if ts[0], err = timespec(access); err == nil {
		ts[1], err = timespec(modification)
	}
	return ts, err
}

func (p place) setTimes(access, modification time.Time) error {
	ts, err := timespecs(access, modification)
	if err != nil {
		return err
	}
	return retry(func() error {
		return unix.UtimesNanoAt(p.fd(), p.name, ts[:], unix.AT_SYMLINK_NOFOLLOW)
	})
}

// openNoFollow opens the object at p; a symbolic link is loop.
func openNoFollow(_ *folder, _ string, p place, flags int) (*os.File, error) {
	fd, err := -1, error(nil)
	err = retry(func() (err error) {
		fd, err = unix.Openat(p.fd(), p.name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
		return err
	})
	if err != nil {
		if err == unix.ENOTDIR && isSymlink(p) {
			return nil, errLoop
		}
		return nil, &fs.PathError{Op: "openat", Path: p.name, Err: err}
	}
	return os.NewFile(uintptr(fd), p.name), nil
}

// isSymlink tells the two meanings of ENOTDIR apart.
func isSymlink(p place) bool {
	st, err := p.lstat()
	return err == nil && st.mode&unix.S_IFMT == unix.S_IFLNK
}
