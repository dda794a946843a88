package filesystem

import (
	"context"
	"io"
	"io/fs"
	"math"
	"os"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// descriptor is an open folder or an open file: one of dir and file is set.
// It is used by one guest at a time.
type descriptor struct {
	sys   *System
	flags wasifs.DescriptorFlags
	// readOnly tells of a file that it was reached through a folder without
	// mutate-directory: not even its times may change.
	readOnly bool
	dir      *folder
	file     *openFile
	buf      *streams.Buffer // of the last read
}

var _ wasifs.Descriptor = (*descriptor)(nil)

// Drop implements wasi:filesystem.
func (d *descriptor) Drop(context.Context) {
	streams.PutBuffer(d.buf)
	d.buf = nil
	if d.dir != nil {
		d.dir.release()
		d.dir = nil
	}
	if d.file != nil {
		d.file.release()
		d.file = nil
	}
}

func (d *descriptor) has(flag wasifs.DescriptorFlags) bool { return d.flags&flag != 0 }

// asFile returns the file if it was opened with flag.
func (d *descriptor) asFile(flag wasifs.DescriptorFlags) (*openFile, error) {
	if d.file == nil || !d.has(flag) {
		return nil, errBadDescriptor
	}
	return d.file, nil
}

// osFile returns what stands for the descriptor at the system.
func (d *descriptor) osFile() (*os.File, error) {
	if d.file != nil {
		return d.file.f, nil
	}
	if d.dir != nil {
		return d.dir.file()
	}
	return nil, errBadDescriptor
}

// GetFlags implements wasi:filesystem.
func (d *descriptor) GetFlags(context.Context) (wasifs.DescriptorFlags, error) {
	return d.flags, nil
}

// GetType implements wasi:filesystem.
func (d *descriptor) GetType(context.Context) (wasifs.DescriptorType, error) {
	if d.dir != nil {
		return wasifs.DescriptorTypeDirectory, nil
	}
	fi, err := d.info()
	if err != nil {
		return 0, result(err)
	}
	return typeOf(fi.Mode()), nil
}

func (d *descriptor) info() (fs.FileInfo, error) {
	f, err := d.osFile()
	if err != nil {
		return nil, err
	}
	return f.Stat()
}

// Stat implements wasi:filesystem.
func (d *descriptor) Stat(context.Context) (wasifs.DescriptorStat, error) {
	fi, err := d.info()
	if err != nil {
		return wasifs.DescriptorStat{}, result(err)
	}
	return statOf(fi), nil
}

// IsSameObject implements wasi:filesystem.
func (d *descriptor) IsSameObject(_ context.Context, other wasifs.Descriptor) (bool, error) {
	o, ok := other.(*descriptor)
	if !ok {
		return false, nil
	}
	a, err := d.info()
	if err != nil {
		return false, nil
	}
	b, err := o.info()
	return err == nil && os.SameFile(a, b), nil
}

// MetadataHash implements wasi:filesystem. The hash stands for the object's
// identity: it stays when content and times change, as a guest's inode number
// must.
func (d *descriptor) MetadataHash(context.Context) (wasifs.MetadataHashValue, error) {
	fi, err := d.info()
	if err != nil {
		return wasifs.MetadataHashValue{}, result(err)
	}
	return d.sys.hash(fi), nil
}

// Sync implements wasi:filesystem.
func (d *descriptor) Sync(context.Context) error {
	f, err := d.osFile()
	if err != nil {
		return result(err)
	}
	return result(syncFile(f))
}

// SyncData implements wasi:filesystem.
func (d *descriptor) SyncData(ctx context.Context) error { return d.Sync(ctx) }

// Advise implements wasi:filesystem.
func (d *descriptor) Advise(_ context.Context, offset, length wasifs.Filesize, advice wasifs.Advice) error {
	if d.file == nil {
		return result(errBadDescriptor)
	}
	if offset > math.MaxInt64 || length > math.MaxInt64 {
		return result(errInvalid)
	}
	return result(advise(d.file.f, int64(offset), int64(length), advice))
}

// SetSize implements wasi:filesystem.
func (d *descriptor) SetSize(_ context.Context, size wasifs.Filesize) error {
	o, err := d.asFile(wasifs.DescriptorFlagsWrite)
	if err != nil {
		return result(err)
	}
	if size > math.MaxInt64 {
		return result(errInvalid)
	}
	return result(o.f.Truncate(int64(size)))
}

// Read implements wasi:filesystem: at most [streams.BufferSize] bytes, valid
// until the next operation on the descriptor.
func (d *descriptor) Read(_ context.Context, length, offset wasifs.Filesize) (abi.Tuple2[[]byte, bool], error) {
	var none abi.Tuple2[[]byte, bool]
	o, err := d.asFile(wasifs.DescriptorFlagsRead)
	if err != nil {
		return none, result(err)
	}
	if offset > math.MaxInt64 {
		return none, result(errInvalid)
	}
	if d.buf == nil {
		d.buf = streams.GetBuffer()
	}
	n, err := o.f.ReadAt(d.buf[:min(length, streams.BufferSize)], int64(offset))
	if err != nil && err != io.EOF {
		return none, result(err)
	}
	return abi.Tuple2[[]byte, bool]{F0: d.buf[:n], F1: err == io.EOF}, nil
}

// Write implements wasi:filesystem.
func (d *descriptor) Write(_ context.Context, b []byte, offset wasifs.Filesize) (wasifs.Filesize, error) {
	o, err := d.asFile(wasifs.DescriptorFlagsWrite)
	if err != nil {
		return 0, result(err)
	}
	if offset > math.MaxInt64 {
		return 0, result(errInvalid)
	}
	n, err := o.f.WriteAt(b, int64(offset))
	if n > 0 {
		return uint64(n), nil
	}
	return 0, result(err)
}

// ReadViaStream implements wasi:filesystem.
func (d *descriptor) ReadViaStream(_ context.Context, offset wasifs.Filesize) (wasiio.InputStream, error) {
	o, err := d.asFile(wasifs.DescriptorFlagsRead)
	if err != nil {
		return nil, result(err)
	}
	return o.input(offset), nil
}

// WriteViaStream implements wasi:filesystem.
func (d *descriptor) WriteViaStream(_ context.Context, offset wasifs.Filesize) (wasiio.OutputStream, error) {
	o, err := d.asFile(wasifs.DescriptorFlagsWrite)
	if err != nil {
		return nil, result(err)
	}
	return o.output(offset, false), nil
}

// AppendViaStream implements wasi:filesystem.
func (d *descriptor) AppendViaStream(context.Context) (wasiio.OutputStream, error) {
	o, err := d.asFile(wasifs.DescriptorFlagsWrite)
	if err != nil {
		return nil, result(err)
	}
	return o.output(0, true), nil
}
