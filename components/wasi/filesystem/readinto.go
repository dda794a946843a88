package filesystem

import (
	"io"
	"math"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// IntoReader is what descriptors of this package can beyond the contract: they
// read into memory of the caller, without a copy.
type IntoReader interface {
	// ReadInto fills b from offset and tells whether the end was reached. It
	// fails as Read of the contract does.
	ReadInto(b []byte, offset wasifs.Filesize) (n int, end bool, err error)
}

var _ IntoReader = (*descriptor)(nil)

// ReadInto implements [IntoReader].
func (d *descriptor) ReadInto(b []byte, offset wasifs.Filesize) (n int, end bool, err error) {
	o, err := d.asFile(wasifs.DescriptorFlagsRead)
	if err != nil {
		return 0, false, result(err)
	}
	if offset > math.MaxInt64 {
		return 0, false, result(errInvalid)
	}
	n, err = o.f.ReadAt(b, int64(offset))
	if err != nil && err != io.EOF {
		return n, false, result(err)
	}
	return n, err == io.EOF, nil
}
