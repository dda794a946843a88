package filesystem

import (
	"context"
	"errors"
	"io/fs"
	"os"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// OpenAt implements wasi:filesystem. A folder inherits the right to change
// from d; guests of the preview 1 adapter never ask for it.
func (d *descriptor) OpenAt(_ context.Context, pathFlags wasifs.PathFlags, path string, how wasifs.OpenFlags, flags wasifs.DescriptorFlags) (wasifs.Descriptor, error) {
	opened, err := d.open(pathFlags, path, how, flags)
	if err != nil {
		return nil, result(err)
	}
	if opened.dir != nil {
		opened.flags |= d.flags & wasifs.DescriptorFlagsMutateDirectory
	}
	return opened, nil
}

// open opens what is at path with the rights in flags, of which only a folder
// has that to change it.
func (d *descriptor) open(pathFlags wasifs.PathFlags, path string, how wasifs.OpenFlags, flags wasifs.DescriptorFlags) (*descriptor, error) {
	f, err := d.folderFor(path)
	if err != nil {
		return nil, err
	}
	osFlags, err := d.openFlags(how, flags)
	if err != nil {
		return nil, err
	}
	if err := d.sys.takeSlot(); err != nil {
		return nil, err
	}
	follow := pathFlags&wasifs.PathFlagsSymlinkFollow != 0
	opened, err := d.openAt(f, path, osFlags, follow, flags)
	if err != nil {
		d.sys.freeSlot()
	}
	return opened, err
}

// openFlags checks what the guest asks for against what d may give.
func (d *descriptor) openFlags(how wasifs.OpenFlags, flags wasifs.DescriptorFlags) (int, error) {
	const changes = wasifs.OpenFlagsCreate | wasifs.OpenFlagsTruncate
	const writes = wasifs.DescriptorFlagsWrite | wasifs.DescriptorFlagsMutateDirectory
	if how&wasifs.OpenFlagsDirectory != 0 && how&(changes|wasifs.OpenFlagsExclusive) != 0 {
		return 0, errInvalid
	}
	if !d.has(wasifs.DescriptorFlagsMutateDirectory) && (how&changes != 0 || flags&writes != 0) {
		return 0, errReadOnly
	}
	osFlags := os.O_RDONLY
	switch {
	case flags&wasifs.DescriptorFlagsWrite != 0 && flags&wasifs.DescriptorFlagsRead != 0:
		osFlags = os.O_RDWR
	case flags&wasifs.DescriptorFlagsWrite != 0:
		osFlags = os.O_WRONLY
	case how&wasifs.OpenFlagsTruncate != 0:
		osFlags = os.O_RDWR
	}
	if how&wasifs.OpenFlagsCreate != 0 {
		osFlags |= os.O_CREATE
		if how&wasifs.OpenFlagsExclusive != 0 {
			osFlags |= os.O_EXCL
		}
	}
	if how&wasifs.OpenFlagsTruncate != 0 {
		osFlags |= os.O_TRUNC
	}
	if how&wasifs.OpenFlagsDirectory != 0 {
		osFlags |= openDirectory
	}
	if flags&(wasifs.DescriptorFlagsFileIntegritySync|wasifs.DescriptorFlagsDataIntegritySync) != 0 {
		osFlags |= os.O_SYNC
	}
	return osFlags | openNonblock, nil
}

// openAt opens path with the slot that the caller took.
func (d *descriptor) openAt(f *folder, path string, osFlags int, follow bool, flags wasifs.DescriptorFlags) (*descriptor, error) {
	file, err := openPath(f, path, osFlags, follow)
	if err != nil {
		return nil, err
	}
	fi, err := file.Stat()
	if err == nil && fi.IsDir() {
		return d.openedFolder(f, path, file, fi, flags)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if flags&wasifs.DescriptorFlagsWrite == 0 {
		flags |= wasifs.DescriptorFlagsRead
	}
	flags &^= wasifs.DescriptorFlagsMutateDirectory
	return &descriptor{
		sys: d.sys, flags: flags, readOnly: !d.has(wasifs.DescriptorFlagsMutateDirectory),
		file: newOpenFile(d.sys, file, fi.Mode().IsRegular()),
	}, nil
}

// openPath opens path below f, its last part as well if it is a symbolic link
// only if follow is set or the path ends in a slash.
func openPath(f *folder, path string, osFlags int, follow bool) (*os.File, error) {
	_, last, slash := splitLast(path)
	if follow || slash || last == "." {
		return f.root.OpenFile(path, osFlags, 0o666)
	}
	var file *os.File
	err := f.at(path, func(p place) (err error) {
		file, err = openNoFollow(f, path, p, osFlags)
		return err
	})
	return file, err
}

// openedFolder makes a root of the folder that file is. What was found under
// path in the meantime must still be that folder.
func (d *descriptor) openedFolder(f *folder, path string, file *os.File, fi fs.FileInfo, flags wasifs.DescriptorFlags) (*descriptor, error) {
	root, err := f.root.OpenRoot(path)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	again, err := root.Stat(".")
	if err == nil && !os.SameFile(fi, again) {
		err = errNoEntry
	}
	if err != nil {
		return nil, errors.Join(err, root.Close(), file.Close())
	}
	flags = wasifs.DescriptorFlagsRead | flags&wasifs.DescriptorFlagsMutateDirectory
	return &descriptor{sys: d.sys, flags: flags, dir: newFolder(d.sys, root, file)}, nil
}
