package components

import (
	"context"
	"io"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

var (
	_ abi.Stream[byte]  = (*StreamReader)(nil)
	_ abi.ElementReader = (*StreamReader)(nil)
	_ abi.ElementReader = (*FutureReader)(nil)
)

// NewStream returns the two ends of a stream of elements of type elem, nil for
// elements without content. Go keeps one and gives the other to a guest, as the
// Rep of a [value.Async] or through the ABI; or Go keeps both.
func NewStream(elem *wit.Type) (*StreamWriter, *StreamReader) {
	p := newPipe(&wit.Type{Kind: wit.KindStream, Elem: elem})
	return &StreamWriter{p.writer}, &StreamReader{p.reader}
}

// NewFuture returns the two ends of a future of type elem, nil for one without
// content.
func NewFuture(elem *wit.Type) (*FutureWriter, *FutureReader) {
	p := newPipe(&wit.Type{Kind: wit.KindFuture, Elem: elem})
	return &FutureWriter{p.writer}, &FutureReader{p.reader}
}

// StreamWriter is the writable end of a stream in the hands of Go.
//
// A guest at the other end runs only while something drives its instance: a
// call, or [Instance.Drive]. Until then Write waits.
//
// Concurrency: safe; one write at a time.
type StreamWriter struct{ end *hostEnd }

// Write writes all of b to a stream of u8. It answers how much the reader
// took.
//
// Errors:
//   - ErrClosed if the reader or its instance is gone.
//   - the cause of ctx if it ended before.
func (w *StreamWriter) Write(ctx context.Context, b []byte) (int, error) {
	return w.end.writeAll(ctx, len(b), func(done int) *hostOp { return &hostOp{bytes: b[done:]} })
}

// WriteValues writes all of vs, which must be of the stream's type. It answers
// how many the reader took. Its errors are those of Write.
func (w *StreamWriter) WriteValues(ctx context.Context, vs ...value.Value) (int, error) {
	if err := w.end.check(vs); err != nil {
		return 0, err
	}
	return w.end.writeAll(ctx, len(vs), func(done int) *hostOp { return &hostOp{values: vs[done:]} })
}

// Close ends the stream; the reader reads what was written before.
func (w *StreamWriter) Close() { w.end.close() }

// StreamReader is the readable end of a stream in the hands of Go; see
// [StreamWriter] for when a guest at the other end runs.
//
// Concurrency: safe; one read at a time.
type StreamReader struct{ end *hostEnd }

// Read reads up to len(b) elements of a stream of u8, at least one.
//
// Errors:
//   - io.EOF after the last element.
//   - ErrClosed if the writer's instance is gone.
//   - the cause of ctx if it ended before.
func (r *StreamReader) Read(ctx context.Context, b []byte) (int, error) {
	op := &hostOp{bytes: b}
	return r.end.do(ctx, op, len(b))
}

// ReadValues reads up to limit elements, at least one. Those of a stream of
// elements without content are nil. Its errors are those of Read.
func (r *StreamReader) ReadValues(ctx context.Context, limit int) ([]value.Value, error) {
	op := &hostOp{}
	if _, err := r.end.do(ctx, op, limit); err != nil {
		return nil, err
	}
	return op.values, nil
}

// ReadElements implements [abi.ElementReader].
func (r *StreamReader) ReadElements(ctx context.Context, n int, e abi.Elements) (int, error) {
	return r.end.do(ctx, &hostOp{elems: e}, n)
}

// Close tells the writer that nobody reads any more.
func (r *StreamReader) Close() { r.end.close() }

// FutureWriter is the writable end of a future in the hands of Go.
//
// Concurrency: safe.
type FutureWriter struct{ end *hostEnd }

// Write gives the future its value, and waits until it was read.
//
// Errors: those of [StreamWriter.Write]; ErrInvalid if v is not of the
// future's type.
func (w *FutureWriter) Write(ctx context.Context, v value.Value) error {
	vs := []value.Value{v}
	if err := w.end.check(vs); err != nil {
		return err
	}
	_, err := w.end.do(ctx, &hostOp{values: vs}, 1)
	w.end.close()
	return eofIsClosed(err)
}

// Close gives up the future. A guest that reads one without a value traps.
func (w *FutureWriter) Close() { w.end.close() }

// FutureReader is the readable end of a future in the hands of Go.
//
// Concurrency: safe.
type FutureReader struct{ end *hostEnd }

// Read waits for the future's value, nil for one without content.
//
// Errors: those of [StreamReader.Read]; ErrClosed instead of io.EOF.
func (r *FutureReader) Read(ctx context.Context) (value.Value, error) {
	op := &hostOp{}
	_, err := r.end.do(ctx, op, 1)
	r.end.close()
	if err != nil {
		return nil, eofIsClosed(err)
	}
	return op.values[0], nil
}

// ReadElements implements [abi.ElementReader].
func (r *FutureReader) ReadElements(ctx context.Context, _ int, e abi.Elements) (int, error) {
	n, err := r.end.do(ctx, &hostOp{elems: e}, 1)
	r.end.close()
	return n, eofIsClosed(err)
}

// Close tells the writer that nobody reads the value.
func (r *FutureReader) Close() { r.end.close() }

// eofIsClosed is for what has no end to come to.
func eofIsClosed(err error) error {
	if err == io.EOF {
		return errcode.New(errcode.Closed, "the other end is gone")
	}
	return err
}
