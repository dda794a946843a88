package streams

import (
	"bytes"
	"context"
	"sync"

	"latticework/components/wasi/bindings/wasiio"
)

// SharedInput is one source that several streams read, such as standard input:
// each byte goes to whoever reads first. It is safe for concurrent use.
type SharedInput struct {
	mu sync.Mutex
	in wasiio.InputStream // guarded by mu for operations, not for waiting
}

// NewSharedInput shares in, a stream made by this package; it is never
// dropped.
func NewSharedInput(in wasiio.InputStream) *SharedInput { return &SharedInput{in: in} }

// Stream returns one more stream of s.
func (s *SharedInput) Stream() wasiio.InputStream { return &sharedStream{from: s} }

type sharedStream struct {
	from    *SharedInput
	dropped bool
}

// Read copies: what the source gives is valid only until its next operation,
// which may be another reader's.
func (s *sharedStream) Read(ctx context.Context, n uint64) ([]byte, error) {
	if s.dropped {
		return nil, closed
	}
	s.from.mu.Lock()
	defer s.from.mu.Unlock()
	b, err := s.from.in.Read(ctx, n)
	return bytes.Clone(b), err
}

func (s *sharedStream) BlockingRead(ctx context.Context, n uint64) ([]byte, error) {
	for {
		b, err := s.Read(ctx, n)
		if len(b) > 0 || err != nil || n == 0 {
			return b, err
		}
		p, err := s.from.in.Subscribe(ctx)
		if err != nil {
			return nil, err
		}
		if err := p.Block(ctx); err != nil {
			return nil, err
		}
	}
}

func (s *sharedStream) Skip(ctx context.Context, n uint64) (uint64, error) {
	b, err := s.Read(ctx, n)
	return uint64(len(b)), err
}

func (s *sharedStream) BlockingSkip(ctx context.Context, n uint64) (uint64, error) {
	b, err := s.BlockingRead(ctx, n)
	return uint64(len(b)), err
}

func (s *sharedStream) Subscribe(ctx context.Context) (wasiio.Pollable, error) {
	return s.from.in.Subscribe(ctx)
}

func (s *sharedStream) Drop(context.Context) { s.dropped = true }
