package preview1

import (
	"context"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// at runs do for the folder and the path that three parameters from p[i] on
// name.
func at(c *call, need rights, do func(wasifs.Descriptor, context.Context, string) error) error {
	d, err := c.fdWith(c.u32(0), need)
	if err != nil {
		return err
	}
	path, err := c.mem.text(c.p[1], c.p[2])
	if err != nil {
		return err
	}
	return do(d.file, c.ctx(), path)
}

func pathCreateDirectory(c *call) error {
	return at(c, rightPathCreateDirectory, wasifs.Descriptor.CreateDirectoryAt)
}

func pathRemoveDirectory(c *call) error {
	return at(c, rightPathRemoveDirectory, wasifs.Descriptor.RemoveDirectoryAt)
}

func pathUnlinkFile(c *call) error {
	return at(c, rightPathUnlinkFile, wasifs.Descriptor.UnlinkFileAt)
}

func pathLink(c *call) error {
	from, err := c.fdWith(c.u32(0), rightPathLinkSource)
	if err != nil {
		return err
	}
	to, err := c.fdWith(c.u32(4), rightPathLinkTarget)
	if err != nil {
		return err
	}
	oldPath, err := c.mem.text(c.p[2], c.p[3])
	if err != nil {
		return err
	}
	newPath, err := c.mem.text(c.p[5], c.p[6])
	if err != nil {
		return err
	}
	return from.file.LinkAt(c.ctx(), follow(c.u32(1)), oldPath, to.file, newPath)
}

func pathRename(c *call) error {
	from, err := c.fdWith(c.u32(0), rightPathRenameSource)
	if err != nil {
		return err
	}
	to, err := c.fdWith(c.u32(3), rightPathRenameTarget)
	if err != nil {
		return err
	}
	oldPath, err := c.mem.text(c.p[1], c.p[2])
	if err != nil {
		return err
	}
	newPath, err := c.mem.text(c.p[4], c.p[5])
	if err != nil {
		return err
	}
	return from.file.RenameAt(c.ctx(), oldPath, to.file, newPath)
}

func pathSymlink(c *call) error {
	d, err := c.fdWith(c.u32(2), rightPathSymlink)
	if err != nil {
		return err
	}
	text, err := c.mem.text(c.p[0], c.p[1])
	if err != nil {
		return err
	}
	path, err := c.mem.text(c.p[3], c.p[4])
	if err != nil {
		return err
	}
	return d.file.SymlinkAt(c.ctx(), text, path)
}

// pathReadlink stores what fits of a symbolic link's text.
func pathReadlink(c *call) error {
	d, err := c.fdWith(c.u32(0), rightPathReadlink)
	if err != nil {
		return err
	}
	path, err := c.mem.text(c.p[1], c.p[2])
	if err != nil {
		return err
	}
	b, err := c.mem.slice(c.u32(3), c.u32(4))
	if err != nil {
		return err
	}
	size, err := c.mem.place(c.p[5], 4)
	if err != nil {
		return err
	}
	text, err := d.file.ReadlinkAt(c.ctx(), path)
	if err != nil {
		return err
	}
	put32(size, uint32(copy(b, text)))
	return nil
}

// How pathOpen opens.
const (
	openCreate = 1 << iota
	openDirectory
	openExclusive
	openTruncate
)

// pathOpen opens a file or folder. Of the rights that the guest asks for, those
// to read and to write say what the file is opened for; all others are given as
// the folder has them to inherit.
func pathOpen(c *call) error {
	how, flags, asked := c.u32(4), c.u32(7), rights(c.p[5])
	need := rightPathOpen
	if how&openCreate != 0 {
		need |= rightPathCreateFile
	}
	if how&openTruncate != 0 {
		need |= rightPathFilestatSetSize
	}
	dir, err := c.fdWith(c.u32(0), need)
	if err != nil {
		return err
	}
	out, err := c.mem.place(c.p[8], 4)
	if err != nil {
		return err
	}
	path, err := c.mem.text(c.p[2], c.p[3])
	if err != nil {
		return err
	}
	if how >= openTruncate<<1 || flags&^allFlags != 0 {
		return errInval
	}
	if asked&(rightFdRead|rightFdWrite)&^dir.inheriting != 0 {
		return errNotcapable
	}
	file, err := dir.file.OpenAt(c.ctx(), follow(c.u32(1)), path, openFlags(how), descriptorFlags(asked, flags))
	if err != nil {
		return err
	}
	kind, err := file.GetType(c.ctx())
	if err != nil {
		file.Drop(c.ctx())
		return err
	}
	d := &descriptor{file: file, kind: fileType(kind), flags: uint16(flags)}
	if d.folder() {
		d.base, d.inheriting = dir.inheriting&folderRights, dir.inheriting
	} else {
		d.base = dir.inheriting & fileRights &^ (rightFdRead | rightFdWrite)
		d.base |= asked & (rightFdRead | rightFdWrite)
	}
	put32(out, c.add(d))
	return nil
}

func openFlags(how uint32) (flags wasifs.OpenFlags) {
	for _, f := range [...]struct {
		bit  uint32
		flag wasifs.OpenFlags
	}{
		{openCreate, wasifs.OpenFlagsCreate},
		{openDirectory, wasifs.OpenFlagsDirectory},
		{openExclusive, wasifs.OpenFlagsExclusive},
		{openTruncate, wasifs.OpenFlagsTruncate},
	} {
		if how&f.bit != 0 {
			flags |= f.flag
		}
	}
	return flags
}

// descriptorFlags says what an object is opened for. To write to a folder fails
// when it is opened.
func descriptorFlags(asked rights, flags uint32) (out wasifs.DescriptorFlags) {
	if asked&rightFdRead != 0 {
		out |= wasifs.DescriptorFlagsRead
	}
	if asked&rightFdWrite != 0 {
		out |= wasifs.DescriptorFlagsWrite
	}
	if flags&flagDsync != 0 {
		out |= wasifs.DescriptorFlagsDataIntegritySync
	}
	if flags&flagSync != 0 {
		out |= wasifs.DescriptorFlagsFileIntegritySync
	}
	if flags&flagRsync != 0 {
		out |= wasifs.DescriptorFlagsRequestedWriteSync
	}
	return out
}
