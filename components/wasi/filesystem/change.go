package filesystem

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// change runs do at the place of path if d may change it.
func (d *descriptor) change(path string, do func(place) error) error {
	f, err := d.mutable(path)
	if err != nil {
		return result(err)
	}
	return result(f.at(path, do))
}

// changeTwo runs do at two places, each under a descriptor of its own. A part
// that could be read only must not get a second, writable name: both
// descriptors must allow changes.
func (d *descriptor) changeTwo(oldPath string, to wasifs.Descriptor, newPath string, do func(from, to place) error) error {
	target, ok := to.(*descriptor)
	if !ok {
		return result(errBadDescriptor)
	}
	oldFolder, err := d.mutable(oldPath)
	if err != nil {
		return result(err)
	}
	newFolder, err := target.mutable(newPath)
	if err != nil {
		return result(err)
	}
	return result(oldFolder.at(oldPath, func(from place) error {
		return newFolder.at(newPath, func(to place) error { return do(from, to) })
	}))
}

// CreateDirectoryAt implements wasi:filesystem.
func (d *descriptor) CreateDirectoryAt(_ context.Context, path string) error {
	return d.change(path, place.mkdir)
}

// RemoveDirectoryAt implements wasi:filesystem.
func (d *descriptor) RemoveDirectoryAt(_ context.Context, path string) error {
	return d.change(path, func(p place) error {
		err := p.rmdir()
		if p.slash && errors.Is(err, syscall.ENOTDIR) {
			// A symbolic link with a slash behind it stands for where it leads.
			if _, out := d.dir.root.Stat(path); out != nil && escapes(out) {
				return out
			}
		}
		return err
	})
}

// UnlinkFileAt implements wasi:filesystem.
func (d *descriptor) UnlinkFileAt(_ context.Context, path string) error {
	return d.change(path, func(p place) error {
		if p.slash {
			if err := p.mustBeFolder(); err != nil {
				return err
			}
			return errIsDirectory
		}
		return p.unlink()
	})
}

// mustBeFolder fails with not-directory if there is something else.
func (p place) mustBeFolder() error {
	fi, err := p.lstat()
	if err == nil && !fi.IsDir() {
		err = errNotDirectory
	}
	return err
}

// SymlinkAt implements wasi:filesystem.
func (d *descriptor) SymlinkAt(_ context.Context, text, newPath string) error {
	switch {
	case text == "":
		return result(errNoEntry)
	case strings.IndexByte(text, 0) >= 0:
		return result(errInvalid)
	case absolute(text):
		return result(errNotPermitted)
	}
	return d.change(newPath, func(p place) error {
		if p.slash {
			if _, err := p.lstat(); err != nil {
				return err
			}
			return errExist
		}
		return p.symlink(text)
	})
}

// absolute reports whether a symbolic link's text leads away from its folder
// on any system.
func absolute(text string) bool {
	return text[0] == '/' || filepath.IsAbs(text) || filepath.VolumeName(text) != ""
}

// ReadlinkAt implements wasi:filesystem.
func (d *descriptor) ReadlinkAt(_ context.Context, path string) (string, error) {
	f, err := d.folderFor(path)
	if err != nil {
		return "", result(err)
	}
	text, err := f.root.Readlink(path)
	switch {
	case err != nil:
		return "", result(err)
	case text != "" && absolute(text):
		return "", result(errNotPermitted)
	case !utf8.ValidString(text):
		return "", result(errIllegal)
	}
	return text, nil
}

// LinkAt implements wasi:filesystem. A symbolic link gets a second name as
// such; following one is refused.
func (d *descriptor) LinkAt(_ context.Context, oldFlags wasifs.PathFlags, oldPath string, to wasifs.Descriptor, newPath string) error {
	if oldFlags&wasifs.PathFlagsSymlinkFollow != 0 {
		return result(errInvalid)
	}
	return d.changeTwo(oldPath, to, newPath, func(from, to place) error {
		if from.slash {
			if err := from.mustBeFolder(); err != nil {
				return err
			}
			return errNotPermitted
		}
		if to.slash {
			if _, err := to.lstat(); err != nil {
				return err
			}
			return errExist
		}
		return from.link(to)
	})
}

// RenameAt implements wasi:filesystem.
func (d *descriptor) RenameAt(_ context.Context, oldPath string, to wasifs.Descriptor, newPath string) error {
	return d.changeTwo(oldPath, to, newPath, func(from, to place) error {
		if from.slash || to.slash {
			if err := from.mustBeFolder(); err != nil {
				return err
			}
		}
		return from.rename(to)
	})
}
