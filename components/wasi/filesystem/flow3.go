package filesystem

import (
	"context"
	"io"
	"math"
	"sync"
	"time"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	wasifs3 "latticework/components/wasi/bindings/wasifilesystem3"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// outcome is how a stream of a file or folder ended.
type outcome = streams.Outcome[wasifs3.ErrorCode]

// ReadViaStream implements wasi:filesystem. The offset means nothing for a
// file that is not regular.
func (d descriptor3) ReadViaStream(_ context.Context, offset wasifs3.Filesize) (abi.Tuple2[abi.Stream[byte], outcome], error) {
	o, err := d.d.asFile(wasifs.DescriptorFlagsRead)
	if err != nil {
		s, out := streams.PullFailed(errorCode3(err))
		return abi.Tuple2[abi.Stream[byte], outcome]{F0: s, F1: out}, nil
	}
	o.acquire()
	opts := streams.FlowOptions{Close: o.release}
	r := io.Reader(&fileReader{o: o, offset: offset})
	if !o.regular {
		r = deviceFile{o.f}
		opts.Interrupt = func() { _ = o.f.SetReadDeadline(time.Unix(1, 0)) }
	}
	s, out := streams.Pull(r, opts, errorCode3)
	return abi.Tuple2[abi.Stream[byte], outcome]{F0: s, F1: out}, nil
}

// WriteViaStream implements wasi:filesystem.
func (d descriptor3) WriteViaStream(_ context.Context, data abi.Stream[byte], offset wasifs3.Filesize) (outcome, error) {
	return d.write(data, func(o *openFile) (io.Writer, error) {
		if offset > math.MaxInt64 {
			return nil, errInvalid
		}
		return &fileWriter{o: o, offset: offset}, nil
	}), nil
}

// AppendViaStream implements wasi:filesystem.
func (d descriptor3) AppendViaStream(_ context.Context, data abi.Stream[byte]) (outcome, error) {
	return d.write(data, func(o *openFile) (io.Writer, error) { return appender{o}, nil }), nil
}

// write has what a guest gives in data written to the file, if that is
// regular by what to answers.
func (d descriptor3) write(data abi.Stream[byte], to func(*openFile) (io.Writer, error)) outcome {
	o, err := d.d.asFile(wasifs.DescriptorFlagsWrite)
	var w io.Writer
	if err == nil {
		w, err = to(o)
	}
	if err != nil {
		data.Close()
		return streams.Failure(errorCode3(err))
	}
	o.acquire()
	opts := streams.FlowOptions{Close: o.release}
	if !o.regular {
		w = deviceFile{o.f}
		opts.Interrupt = func() { _ = o.f.SetWriteDeadline(time.Unix(1, 0)) }
	}
	return streams.Push(d.d.sys.group, data, w, opts, errorCode3)
}

// ReadDirectory implements wasi:filesystem. A name that is not UTF-8 ends the
// stream with illegal-byte-sequence.
func (d descriptor3) ReadDirectory(context.Context) (abi.Tuple2[abi.Stream[wasifs3.DirectoryEntry], outcome], error) {
	e, err := d.d.readDirectory()
	if err != nil {
		return abi.Tuple2[abi.Stream[wasifs3.DirectoryEntry], outcome]{
			F0: abi.Empty[wasifs3.DirectoryEntry](), F1: streams.Failure(errorCode3(err)),
		}, nil
	}
	set, out := abi.NewFuture[abi.Result[struct{}, wasifs3.ErrorCode]]()
	return abi.Tuple2[abi.Stream[wasifs3.DirectoryEntry], outcome]{F0: &listing{e: e, set: set}, F1: out}, nil
}

// listing is the stream of a folder's entries.
type listing struct {
	mu  sync.Mutex
	e   *entries // guarded by mu; nil once it is over
	set func(abi.Result[struct{}, wasifs3.ErrorCode])
}

// Read implements [abi.Stream].
func (l *listing) Read(ctx context.Context, b []wasifs3.DirectoryEntry) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(b) && l.e != nil {
		next, err := l.e.next()
		if err != nil || next == nil {
			l.endLocked(ctx, err)
			break
		}
		b[n] = wasifs3.DirectoryEntry{Type: type3(typeOf(next.Type())), Name: next.Name()}
		n++
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Close implements [abi.Stream].
func (l *listing) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLocked(context.Background(), nil)
}

// endLocked closes the folder and says how the stream ended.
func (l *listing) endLocked(ctx context.Context, err error) {
	if l.e == nil {
		return
	}
	l.e.Drop(ctx)
	l.e = nil
	r := abi.Result[struct{}, wasifs3.ErrorCode]{}
	if err != nil {
		r.Err, r.IsErr = errorCode3(err), true
	}
	l.set(r)
}
