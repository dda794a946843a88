package wasihttp

import (
	"context"
	"io"
	"net/http"

	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/streams"
)

// requestSink takes the body of an outgoing request to the transport, which
// reads it on its own goroutine.
type requestSink struct {
	wasiio.OutputStream
	pr       *io.PipeReader
	pw       *io.PipeWriter
	trailers *Fields // set before pw is closed, read after
	err      error   // why the body is cut off
}

var _ sink = (*requestSink)(nil)

func newRequestSink() *requestSink {
	s := &requestSink{}
	s.pr, s.pw = io.Pipe()
	// There is no interruption: the end of the request closes pr, which ends a
	// write that blocks.
	s.OutputStream = streams.NewOutput(s.pw, streams.OutputOptions{Close: s.closed})
	return s
}

// closed runs when everything was handed over.
func (s *requestSink) closed() { _ = s.pw.CloseWithError(s.err) }

// end implements [sink]: the body ends after what is still on its way.
func (s *requestSink) end(ctx context.Context, trailers *Fields) error {
	s.trailers = trailers
	s.Drop(ctx)
	return nil
}

// abort implements [sink]: the transport gives the request up.
func (s *requestSink) abort(err error) {
	s.err = err
	_ = s.pw.CloseWithError(err)
	s.Drop(context.Background())
}

// requestBody is what the transport reads.
type requestBody struct {
	sink *requestSink
	// trailer is the request's own map: filled at the end of the body.
	trailer http.Header
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.sink.pr.Read(p)
	if err == io.EOF && b.sink.trailers != nil {
		b.sink.trailers.fields.AddTo(b.trailer, "")
		b.sink.trailers = nil
	}
	return n, err
}

func (b *requestBody) Close() error { return b.sink.pr.Close() }
