//go:build !unix

package filesystem

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

const (
	openDirectory = 0
	openNonblock  = 0
)

// child opens the folder of p as a root, for the operations that this system
// has only by name. The name has no separator, so nothing is resolved on the
// way; os.Root refuses reserved names.
func (p place) child(do func(*os.Root) error) error {
	root, err := os.OpenRoot(p.dir.Name())
	if err != nil {
		return err
	}
	defer root.Close()
	a, err := root.Stat(".")
	if err != nil {
		return err
	}
	b, err := p.dir.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return errNoEntry
	}
	return do(root)
}

func (p place) lstat() (fi fs.FileInfo, err error) {
	err = p.child(func(r *os.Root) (err error) {
		fi, err = r.Lstat(p.name)
		return err
	})
	return fi, err
}

func (p place) mkdir() error {
	return p.child(func(r *os.Root) error { return r.Mkdir(p.name, 0o777) })
}

func (p place) rmdir() error {
	if err := p.mustBeFolder(); err != nil {
		return err
	}
	return p.child(func(r *os.Root) error { return r.Remove(p.name) })
}

func (p place) unlink() error {
	fi, err := p.lstat()
	if err == nil && fi.IsDir() {
		err = errIsDirectory
	}
	if err != nil {
		return err
	}
	return p.child(func(r *os.Root) error { return r.Remove(p.name) })
}

func (p place) symlink(text string) error {
	return p.child(func(r *os.Root) error { return r.Symlink(filepath.FromSlash(text), p.name) })
}

// link works inside one folder: this system has no link between two open ones.
func (p place) link(to place) error {
	return p.inOneFolder(to, func(r *os.Root) error { return r.Link(p.name, to.name) })
}

// rename works inside one folder, see link.
func (p place) rename(to place) error {
	return p.inOneFolder(to, func(r *os.Root) error { return r.Rename(p.name, to.name) })
}

func (p place) inOneFolder(to place, do func(*os.Root) error) error {
	a, err := p.dir.Stat()
	if err != nil {
		return err
	}
	b, err := to.dir.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return errNotImplemented
	}
	return p.child(do)
}

func (p place) setTimes(access, modification time.Time) error {
	fi, err := p.lstat()
	if err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		err = errNotImplemented
	}
	if err != nil {
		return err
	}
	return p.child(func(r *os.Root) error { return r.Chtimes(p.name, access, modification) })
}

// openNoFollow opens the object at path if it is, before and after, no
// symbolic link.
func openNoFollow(f *folder, path string, _ place, flags int) (*os.File, error) {
	fi, err := f.root.Lstat(path)
	if err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		return nil, errLoop
	}
	file, openErr := f.root.OpenFile(path, flags, 0o666)
	if openErr != nil || err != nil {
		return file, openErr
	}
	if now, err := file.Stat(); err != nil || !os.SameFile(fi, now) {
		_ = file.Close()
		return nil, errLoop
	}
	return file, nil
}

func setFileTimes(*os.File, time.Time, time.Time) error { return errNotImplemented }

func extraOf(fs.FileInfo) extra { return extra{links: 1} }

func advise(*os.File, int64, int64, wasifs.Advice) error { return nil }

func appendFile(o *openFile, b []byte) (int, error) { return appendAtSize(o, b) }
