package filesystem

import (
	"context"
	"errors"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	wasifs3 "latticework/components/wasi/bindings/wasifilesystem3"
	"latticework/wit/abi"
)

// System3 gives the files of a [System] to guests of WASI 0.3.
type System3 struct{ *System }

var (
	_ wasifs3.TypesInterface    = System3{}
	_ wasifs3.PreopensInterface = System3{}
)

// GetDirectories implements wasi:filesystem: new descriptors at each call.
func (s System3) GetDirectories(ctx context.Context) ([]abi.Tuple2[wasifs3.Descriptor, string], error) {
	granted, err := s.System.GetDirectories(ctx)
	list := make([]abi.Tuple2[wasifs3.Descriptor, string], len(granted))
	for i, g := range granted {
		list[i] = abi.Tuple2[wasifs3.Descriptor, string]{F0: descriptor3{g.F0.(*descriptor)}, F1: g.F1}
	}
	return list, err
}

// descriptor3 is a descriptor as WASI 0.3 has it. Its methods may run at the
// same time: nothing in d changes before Drop but the buffer of Read, which
// they do not use.
type descriptor3 struct{ d *descriptor }

var _ wasifs3.Descriptor = descriptor3{}

// Drop implements wasi:filesystem.
func (d descriptor3) Drop(ctx context.Context) { d.d.Drop(ctx) }

// GetFlags implements wasi:filesystem.
func (d descriptor3) GetFlags(context.Context) (wasifs3.DescriptorFlags, error) {
	return wasifs3.DescriptorFlags(d.d.flags), nil
}

// GetType implements wasi:filesystem.
func (d descriptor3) GetType(ctx context.Context) (wasifs3.DescriptorType, error) {
	t, err := d.d.GetType(ctx)
	return type3(t), fail3(err)
}

// Stat implements wasi:filesystem.
func (d descriptor3) Stat(context.Context) (wasifs3.DescriptorStat, error) {
	fi, err := d.d.info()
	if err != nil {
		return wasifs3.DescriptorStat{}, result3(err)
	}
	return stat3(fi), nil
}

// StatAt implements wasi:filesystem.
func (d descriptor3) StatAt(_ context.Context, flags wasifs3.PathFlags, path string) (wasifs3.DescriptorStat, error) {
	fi, err := d.d.infoAt(wasifs.PathFlags(flags), path)
	if err != nil {
		return wasifs3.DescriptorStat{}, result3(err)
	}
	return stat3(fi), nil
}

// IsSameObject implements wasi:filesystem.
func (d descriptor3) IsSameObject(ctx context.Context, other wasifs3.Descriptor) (bool, error) {
	o, ok := other.(descriptor3)
	if !ok {
		return false, nil
	}
	return d.d.IsSameObject(ctx, o.d)
}

// MetadataHash implements wasi:filesystem.
func (d descriptor3) MetadataHash(ctx context.Context) (wasifs3.MetadataHashValue, error) {
	h, err := d.d.MetadataHash(ctx)
	return wasifs3.MetadataHashValue(h), fail3(err)
}

// MetadataHashAt implements wasi:filesystem.
func (d descriptor3) MetadataHashAt(ctx context.Context, flags wasifs3.PathFlags, path string) (wasifs3.MetadataHashValue, error) {
	h, err := d.d.MetadataHashAt(ctx, wasifs.PathFlags(flags), path)
	return wasifs3.MetadataHashValue(h), fail3(err)
}

// Sync implements wasi:filesystem.
func (d descriptor3) Sync(ctx context.Context) error { return fail3(d.d.Sync(ctx)) }

// SyncData implements wasi:filesystem.
func (d descriptor3) SyncData(ctx context.Context) error { return fail3(d.d.SyncData(ctx)) }

// Advise implements wasi:filesystem.
func (d descriptor3) Advise(ctx context.Context, offset, length wasifs3.Filesize, advice wasifs3.Advice) error {
	return fail3(d.d.Advise(ctx, offset, length, wasifs.Advice(advice)))
}

// SetSize implements wasi:filesystem.
func (d descriptor3) SetSize(ctx context.Context, size wasifs3.Filesize) error {
	return fail3(d.d.SetSize(ctx, size))
}

// SetTimes implements wasi:filesystem.
func (d descriptor3) SetTimes(_ context.Context, access, modification wasifs3.NewTimestamp) error {
	return result3(d.d.setTimes(d.d.sys.times3(access, modification)))
}

// SetTimesAt implements wasi:filesystem.
func (d descriptor3) SetTimesAt(_ context.Context, flags wasifs3.PathFlags, path string, access, modification wasifs3.NewTimestamp) error {
	return result3(d.d.setTimesAt(wasifs.PathFlags(flags), path, d.d.sys.times3(access, modification)))
}

// OpenAt implements wasi:filesystem. Whoever creates a file may write it, and
// read it too unless only writing was asked for; a folder has the rights that
// were asked for.
func (d descriptor3) OpenAt(_ context.Context, pathFlags wasifs3.PathFlags, path string, how wasifs3.OpenFlags, flags wasifs3.DescriptorFlags) (wasifs3.Descriptor, error) {
	if how&wasifs3.OpenFlagsCreate != 0 && flags&wasifs3.DescriptorFlagsWrite == 0 {
		flags |= wasifs3.DescriptorFlagsRead | wasifs3.DescriptorFlagsWrite
	}
	opened, err := d.d.open(wasifs.PathFlags(pathFlags), path, wasifs.OpenFlags(how), wasifs.DescriptorFlags(flags))
	if err != nil {
		return nil, result3(err)
	}
	return descriptor3{opened}, nil
}

// CreateDirectoryAt implements wasi:filesystem.
func (d descriptor3) CreateDirectoryAt(ctx context.Context, path string) error {
	return fail3(d.d.CreateDirectoryAt(ctx, path))
}

// RemoveDirectoryAt implements wasi:filesystem.
func (d descriptor3) RemoveDirectoryAt(ctx context.Context, path string) error {
	return fail3(d.d.RemoveDirectoryAt(ctx, path))
}

// UnlinkFileAt implements wasi:filesystem.
func (d descriptor3) UnlinkFileAt(ctx context.Context, path string) error {
	return fail3(d.d.UnlinkFileAt(ctx, path))
}

// ReadlinkAt implements wasi:filesystem.
func (d descriptor3) ReadlinkAt(ctx context.Context, path string) (string, error) {
	text, err := d.d.ReadlinkAt(ctx, path)
	return text, fail3(err)
}

// SymlinkAt implements wasi:filesystem.
func (d descriptor3) SymlinkAt(ctx context.Context, text, newPath string) error {
	return fail3(d.d.SymlinkAt(ctx, text, newPath))
}

// LinkAt implements wasi:filesystem.
func (d descriptor3) LinkAt(ctx context.Context, oldFlags wasifs3.PathFlags, oldPath string, to wasifs3.Descriptor, newPath string) error {
	target, ok := to.(descriptor3)
	if !ok {
		return result3(errBadDescriptor)
	}
	return fail3(d.d.LinkAt(ctx, wasifs.PathFlags(oldFlags), oldPath, target.d, newPath))
}

// RenameAt implements wasi:filesystem.
func (d descriptor3) RenameAt(ctx context.Context, oldPath string, to wasifs3.Descriptor, newPath string) error {
	target, ok := to.(descriptor3)
	if !ok {
		return result3(errBadDescriptor)
	}
	return fail3(d.d.RenameAt(ctx, oldPath, target.d, newPath))
}

// result3 turns an error of the machine into the error case of a guest of
// WASI 0.3.
func result3(err error) error {
	if err == nil {
		return nil
	}
	return abi.Fail(code3(codeOf(err)))
}

// fail3 turns the error case of WASI 0.2 into that of 0.3.
func fail3(err error) error {
	var f *abi.Failure[wasifs.ErrorCode]
	if errors.As(err, &f) {
		return abi.Fail(code3(f.Value))
	}
	return err
}
