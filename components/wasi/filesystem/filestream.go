package filesystem

import (
	"errors"
	"io"
	"math"
	"os"
	"syscall"
	"time"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
)

// input returns a stream of o from offset. The offset means nothing for a
// file that is not regular.
func (o *openFile) input(offset uint64) wasiio.InputStream {
	o.acquire()
	opts := streams.InputOptions{Prompt: o.regular, Close: o.release}
	if o.regular {
		return streams.NewInput(&fileReader{o: o, offset: offset}, opts)
	}
	opts.Interrupt = func() { _ = o.f.SetReadDeadline(time.Unix(1, 0)) }
	return streams.NewInput(deviceFile{o.f}, opts)
}

// output returns a stream to o, from offset or at its end.
func (o *openFile) output(offset uint64, atEnd bool) wasiio.OutputStream {
	o.acquire()
	opts := streams.OutputOptions{Prompt: o.regular, Close: o.release}
	switch {
	case !o.regular:
		opts.Interrupt = func() { _ = o.f.SetWriteDeadline(time.Unix(1, 0)) }
		return streams.NewOutput(deviceFile{o.f}, opts)
	case atEnd:
		return streams.NewOutput(appender{o}, opts)
	}
	return streams.NewOutput(&fileWriter{o: o, offset: offset}, opts)
}

// fileReader reads a regular file from an offset on.
type fileReader struct {
	o      *openFile
	offset uint64
}

// Read implements [io.Reader].
func (r *fileReader) Read(b []byte) (int, error) {
	if r.offset > math.MaxInt64 {
		return 0, errInvalid
	}
	n, err := r.o.f.ReadAt(b, int64(r.offset))
	r.offset += uint64(n)
	if n > 0 {
		return n, nil
	}
	return n, streamError(err)
}

// fileWriter writes a regular file from an offset on.
type fileWriter struct {
	o      *openFile
	offset uint64
}

// Write implements [io.Writer].
func (w *fileWriter) Write(b []byte) (int, error) {
	if w.offset > math.MaxInt64-uint64(len(b)) {
		return 0, errInvalid
	}
	n, err := w.o.f.WriteAt(b, int64(w.offset))
	w.offset += uint64(n)
	return n, streamError(err)
}

// appender writes at the end of a regular file.
type appender struct{ o *openFile }

// Write implements [io.Writer].
func (a appender) Write(b []byte) (int, error) {
	n, err := appendFile(a.o, b)
	return n, streamError(err)
}

// appendAtSize appends where the system has no atomic append: two guests that
// hold the file through different descriptors may overwrite each other.
func appendAtSize(o *openFile, b []byte) (int, error) {
	o.appends.Lock()
	defer o.appends.Unlock()
	fi, err := o.f.Stat()
	if err != nil {
		return 0, err
	}
	return o.f.WriteAt(b, fi.Size())
}

// deviceFile reads and writes what is not a regular file.
type deviceFile struct{ f *os.File }

// Read implements [io.Reader].
func (d deviceFile) Read(b []byte) (int, error) {
	n, err := d.f.Read(b)
	return n, streamError(err)
}

// Write implements [io.Writer].
func (d deviceFile) Write(b []byte) (int, error) {
	n, err := d.f.Write(b)
	return n, streamError(err)
}

// syncFile syncs f; what cannot be synced, such as a pipe, is in sync.
func syncFile(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EROFS) {
		return nil
	}
	return err
}

var (
	_ io.Reader = (*fileReader)(nil)
	_ io.Writer = (*fileWriter)(nil)
	_ io.Writer = appender{}
)
