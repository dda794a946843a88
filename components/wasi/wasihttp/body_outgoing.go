package wasihttp

import (
	"context"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// sink is where the body of a message goes once the message is sent. Except
// for flushes it is used by the guest's goroutine alone.
type sink interface {
	CheckWrite(ctx context.Context) (uint64, error)
	Write(ctx context.Context, b []byte) error
	Flush(ctx context.Context) error
	BlockingFlush(ctx context.Context) error
	Subscribe(ctx context.Context) (wasiio.Pollable, error)
	// end completes the message with trailers, which may be nil.
	end(ctx context.Context, trailers *Fields) error
	// abort cuts the message off, so that the peer sees an error.
	abort(err error)
}

// maxPending is how many bytes of a body are kept before its message is sent.
const maxPending = streams.BufferSize

// bodyState is how far an [OutgoingBody] is.
type bodyState uint8

const (
	bodyOpen     bodyState = iota
	bodyFinished           // finish succeeded
	bodyCut                // dropped without finish, or finish failed
)

// OutgoingBody is the body of a request or response that a guest makes. Its
// states: open, then finished or cut; in each of them it may be attached to a
// sink or not yet.
type OutgoingBody struct {
	to      sink
	state   bodyState
	taken   bool  // the stream was handed out
	open    bool  // the stream is not dropped
	length  int64 // what content-length states, -1 for nothing
	exempt  bool  // length is not that of the body: an answer to HEAD, or a status without a body
	written int64
	pending []byte  // written before the message was sent
	ended   *Fields // trailers given before the message was sent
	failure error   // why the stream takes nothing any more; an abi.Fail of a stream error
	sizeErr func(abi.Option[uint64]) contract.ErrorCode
	stream  bodyStream
}

var _ contract.OutgoingBody = (*OutgoingBody)(nil)

// init prepares b; sizeErr makes the code for a body of the wrong length.
func (b *OutgoingBody) init(length int64, sizeErr func(abi.Option[uint64]) contract.ErrorCode) {
	b.length, b.sizeErr = length, sizeErr
	b.stream.body = b
}

// Write hands out the stream, once.
func (b *OutgoingBody) Write(context.Context) (wasiio.OutputStream, error) {
	if b.taken {
		return nil, failUnit
	}
	b.taken, b.open = true, true
	return &b.stream, nil
}

// Drop cuts the body off unless it is finished.
func (b *OutgoingBody) Drop(context.Context) {
	if b.state == bodyOpen {
		b.cut(errcode.New(errcode.Invalid, "outgoing body dropped before it was finished"))
	}
}

func (b *OutgoingBody) cut(err error) {
	b.state = bodyCut
	b.pending = nil
	if b.failure == nil {
		b.failure = streams.Closed()
	}
	if b.to != nil {
		b.to.abort(err)
	}
}

// finish implements the static function outgoing-body.finish.
func (b *OutgoingBody) finish(ctx context.Context, trailers *Fields) error {
	if b.open {
		return errcode.New(errcode.Trap, "finish outgoing body: its stream is not dropped")
	}
	if b.state != bodyOpen {
		return errcode.New(errcode.Trap, "finish outgoing body: it is finished already")
	}
	if !b.exempt && b.length >= 0 && b.written != b.length {
		return b.wrongSize(b.written)
	}
	b.state = bodyFinished
	if b.to == nil {
		b.ended = trailers
		return nil
	}
	if err := b.to.end(ctx, trailers); err != nil {
		b.state = bodyCut
		return abi.Fail(httpmessage.CodeOf(err))
	}
	return nil
}

// wrongSize cuts the body off for having n bytes and returns the error case.
func (b *OutgoingBody) wrongSize(n int64) error {
	code := b.sizeErr(abi.Some(uint64(n)))
	err := &httpmessage.CodeError{Code: code, Err: errcode.New(errcode.Invalid, "outgoing body: %d bytes, content-length states %d", n, b.length)}
	b.failure = streams.Closed()
	b.cut(err)
	return abi.Fail(code)
}

// admit accounts for n bytes about to be written.
func (b *OutgoingBody) admit(n int) error {
	if b.failure != nil {
		return b.failure
	}
	b.written += int64(n)
	if b.exempt || b.length < 0 || b.written <= b.length {
		return nil
	}
	code := b.sizeErr(abi.Some(uint64(b.written)))
	err := &httpmessage.CodeError{Code: code, Err: errcode.New(errcode.Invalid, "outgoing body: %d bytes > %d, which content-length states", b.written, b.length)}
	b.failure = streams.Closed()
	if b.to != nil {
		b.to.abort(err)
	}
	return streams.Failed(err)
}

// attach sends what was written so far to s, and the rest as it comes.
func (b *OutgoingBody) attach(ctx context.Context, s sink) error {
	b.to = s
	if b.state == bodyCut || b.failure != nil {
		err := errcode.New(errcode.Invalid, "outgoing body was given up before the message was sent")
		s.abort(err)
		return err
	}
	if len(b.pending) > 0 {
		if err := s.Write(ctx, b.pending); err != nil {
			b.failure = streams.Closed()
			return err
		}
		b.pending = nil
	}
	if b.state == bodyFinished {
		return s.end(ctx, b.ended)
	}
	return nil
}

// bodyStream is the output stream of an [OutgoingBody].
type bodyStream struct{ body *OutgoingBody }

var _ wasiio.OutputStream = (*bodyStream)(nil)

func (s *bodyStream) CheckWrite(ctx context.Context) (uint64, error) {
	b := s.body
	switch {
	case b.failure != nil:
		return 0, b.failure
	case b.to == nil:
		return uint64(maxPending - len(b.pending)), nil
	}
	return b.to.CheckWrite(ctx)
}

func (s *bodyStream) Write(ctx context.Context, p []byte) error {
	b := s.body
	if err := b.admit(len(p)); err != nil {
		return err
	}
	if b.to != nil {
		return b.to.Write(ctx, p)
	}
	if len(b.pending)+len(p) > maxPending {
		return errcode.New(errcode.Trap, "write body: bytes before the message is sent: %d > %d", len(b.pending)+len(p), maxPending)
	}
	b.pending = append(b.pending, p...)
	return nil
}

func (s *bodyStream) Flush(ctx context.Context) error {
	switch {
	case s.body.failure != nil:
		return s.body.failure
	case s.body.to == nil:
		return nil
	}
	return s.body.to.Flush(ctx)
}

func (s *bodyStream) BlockingFlush(ctx context.Context) error {
	switch {
	case s.body.failure != nil:
		return s.body.failure
	case s.body.to == nil:
		return nil
	}
	return s.body.to.BlockingFlush(ctx)
}

// BlockingWriteAndFlush writes in pieces of what the sink takes.
func (s *bodyStream) BlockingWriteAndFlush(ctx context.Context, p []byte) error {
	if len(p) > streams.BlockingLimit {
		return errcode.New(errcode.Trap, "blocking-write-and-flush: bytes: %d > %d", len(p), streams.BlockingLimit)
	}
	for len(p) > 0 {
		n, err := s.wait(ctx)
		if err != nil {
			return err
		}
		n = min(n, len(p))
		if err := s.Write(ctx, p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return s.BlockingFlush(ctx)
}

// wait blocks until bytes can be written and returns how many.
func (s *bodyStream) wait(ctx context.Context) (int, error) {
	for {
		n, err := s.CheckWrite(ctx)
		if n > 0 || err != nil {
			return int(n), err
		}
		if s.body.to == nil {
			return 0, errcode.New(errcode.Trap, "write body: waits for the message to be sent, which only this guest can do")
		}
		p, err := s.body.to.Subscribe(ctx)
		if err != nil {
			return 0, err
		}
		if err := p.Block(ctx); err != nil {
			return 0, err
		}
	}
}

var zeroes [streams.BlockingLimit]byte

func (s *bodyStream) WriteZeroes(ctx context.Context, n uint64) error {
	for n > 0 {
		k := min(n, uint64(len(zeroes)))
		if err := s.Write(ctx, zeroes[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

func (s *bodyStream) BlockingWriteZeroesAndFlush(ctx context.Context, n uint64) error {
	if n > streams.BlockingLimit {
		return errcode.New(errcode.Trap, "blocking-write-zeroes-and-flush: bytes: %d > %d", n, streams.BlockingLimit)
	}
	return s.BlockingWriteAndFlush(ctx, zeroes[:n])
}

func (s *bodyStream) Splice(ctx context.Context, src wasiio.InputStream, n uint64) (uint64, error) {
	permit, err := s.CheckWrite(ctx)
	if err != nil {
		return 0, err
	}
	p, err := src.Read(ctx, min(n, permit))
	if err != nil || len(p) == 0 {
		return 0, err
	}
	return uint64(len(p)), s.Write(ctx, p)
}

func (s *bodyStream) BlockingSplice(ctx context.Context, src wasiio.InputStream, n uint64) (uint64, error) {
	permit, err := s.wait(ctx)
	if err != nil {
		return 0, err
	}
	p, err := src.BlockingRead(ctx, min(n, uint64(permit)))
	if err != nil || len(p) == 0 {
		return 0, err
	}
	return uint64(len(p)), s.Write(ctx, p)
}

func (s *bodyStream) Subscribe(ctx context.Context) (wasiio.Pollable, error) {
	if s.body.to == nil {
		return streams.NewPollable(streams.Always), nil
	}
	return s.body.to.Subscribe(ctx)
}

// Drop ends the use of the stream, not the body.
func (s *bodyStream) Drop(context.Context) { s.body.open = false }
