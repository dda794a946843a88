// Package random implements wasi:random.
//
// Source: wasi:random@0.2.12, wasi:random@0.3.0.
package random

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"

	"latticework/components/wasi/bindings/wasirandom"
	"latticework/components/wasi/bindings/wasirandom3"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// MaxBytes is how many bytes one call may ask for.
const MaxBytes = 64 << 20

// Secure implements the interface random over a reader.
type Secure struct{ r io.Reader }

var (
	_ wasirandom.RandomInterface  = Secure{}
	_ wasirandom3.RandomInterface = Secure{}
)

// NewSecure returns the interface over r, which is safe for concurrent use;
// nil stands for the system's generator.
func NewSecure(r io.Reader) Secure {
	if r == nil {
		r = crand.Reader
	}
	return Secure{r}
}

// checkLen refuses what no guest could take.
func checkLen(n uint64) error {
	if n > MaxBytes {
		return errcode.New(errcode.Exhausted, "random: bytes: %d > %d", n, MaxBytes)
	}
	return nil
}

// GetRandomBytes implements wasi:random.
//
// Errors:
//   - exhausted beyond [MaxBytes].
//   - internal if the reader fails.
func (s Secure) GetRandomBytes(_ context.Context, n uint64) ([]byte, error) {
	if err := checkLen(n); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.r, b); err != nil {
		return nil, errcode.New(errcode.Internal, "read random bytes: %w", err)
	}
	return b, nil
}

// GetRandomU64 implements wasi:random. It fails as GetRandomBytes does.
func (s Secure) GetRandomU64(context.Context) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(s.r, b[:]); err != nil {
		return 0, errcode.New(errcode.Internal, "read random bytes: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// Insecure implements the interfaces insecure and insecure-seed.
type Insecure struct {
	mu   sync.Mutex
	gen  *rand.ChaCha8 // guarded by mu
	seed abi.Tuple2[uint64, uint64]
}

var (
	_ wasirandom.InsecureInterface     = (*Insecure)(nil)
	_ wasirandom.InsecureSeedInterface = (*Insecure)(nil)

	_ wasirandom3.InsecureInterface     = (*Insecure)(nil)
	_ wasirandom3.InsecureSeedInterface = (*Insecure)(nil)
)

// NewInsecure returns a generator whose whole sequence, and whose seed for
// hash maps, follow from seed.
func NewInsecure(seed [32]byte) *Insecure {
	gen := rand.NewChaCha8(seed)
	return &Insecure{
		seed: abi.Tuple2[uint64, uint64]{F0: gen.Uint64(), F1: gen.Uint64()},
		gen:  gen,
	}
}

// Seed reads a seed for [NewInsecure] from r.
func Seed(r io.Reader) (seed [32]byte, err error) {
	if r == nil {
		r = crand.Reader
	}
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return seed, errcode.New(errcode.Internal, "read random bytes: %w", err)
	}
	return seed, nil
}

// GetInsecureRandomBytes implements wasi:random. It fails with exhausted
// beyond [MaxBytes].
func (i *Insecure) GetInsecureRandomBytes(_ context.Context, n uint64) ([]byte, error) {
	if err := checkLen(n); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, err := i.gen.Read(b); err != nil {
		return nil, errcode.New(errcode.Internal, "generate random bytes: %w", err)
	}
	return b, nil
}

// GetInsecureRandomU64 implements wasi:random.
func (i *Insecure) GetInsecureRandomU64(context.Context) (uint64, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.gen.Uint64(), nil
}

// InsecureSeed implements wasi:random: the same pair at each call.
func (i *Insecure) InsecureSeed(context.Context) (abi.Tuple2[uint64, uint64], error) {
	return i.seed, nil
}

// GetInsecureSeed implements wasi:random of WASI 0.3 as InsecureSeed.
func (i *Insecure) GetInsecureSeed(ctx context.Context) (abi.Tuple2[uint64, uint64], error) {
	return i.InsecureSeed(ctx)
}
