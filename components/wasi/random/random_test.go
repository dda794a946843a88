package random

import (
	"bytes"
	"errors"
	"testing"
	"testing/iotest"

	"latticework/internal/errcode"
)

func TestSecure(t *testing.T) {
	ctx := t.Context()
	s := NewSecure(nil)
	a, err := s.GetRandomBytes(ctx, 1000)
	if err != nil || len(a) != 1000 {
		t.Fatalf("%d bytes, %v", len(a), err)
	}
	b, _ := s.GetRandomBytes(ctx, 1000)
	if bytes.Equal(a, b) {
		t.Error("the same 1000 bytes twice")
	}
	if c, err := s.GetRandomBytes(ctx, 0); len(c) != 0 || err != nil {
		t.Errorf("0 bytes gave %d, %v", len(c), err)
	}
	x, _ := s.GetRandomU64(ctx)
	y, err := s.GetRandomU64(ctx)
	if err != nil || x == y {
		t.Errorf("u64s %d and %d, %v", x, y, err)
	}
	if _, err := s.GetRandomBytes(ctx, MaxBytes+1); !errors.Is(err, errcode.Exhausted) {
		t.Errorf("too many bytes: %v", err)
	}
}

func TestSecureFromReader(t *testing.T) {
	ctx := t.Context()
	s := NewSecure(bytes.NewReader([]byte{1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0}))
	if b, err := s.GetRandomBytes(ctx, 3); !bytes.Equal(b, []byte{1, 2, 3}) || err != nil {
		t.Errorf("bytes %v, %v", b, err)
	}
	if x, err := s.GetRandomU64(ctx); x != 4 || err != nil {
		t.Errorf("u64 %d, %v; want 4", x, err)
	}
	if _, err := s.GetRandomU64(ctx); !errors.Is(err, errcode.Internal) {
		t.Errorf("a reader that ended: %v", err)
	}
	if _, err := Seed(iotest.ErrReader(errors.New("broken"))); !errors.Is(err, errcode.Internal) {
		t.Errorf("seed from a broken reader: %v", err)
	}
}

func TestInsecureFollowsItsSeed(t *testing.T) {
	ctx := t.Context()
	take := func(seed byte) []byte {
		i := NewInsecure([32]byte{seed})
		pair, _ := i.InsecureSeed(ctx)
		again, _ := i.InsecureSeed(ctx)
		if pair != again || pair.F0 == pair.F1 {
			t.Errorf("seeds %v and %v", pair, again)
		}
		b, err := i.GetInsecureRandomBytes(ctx, 100)
		if err != nil || len(b) != 100 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		x, _ := i.GetInsecureRandomU64(ctx)
		return append(b, byte(x), byte(pair.F0))
	}
	if !bytes.Equal(take(1), take(1)) {
		t.Error("one seed, two sequences")
	}
	if bytes.Equal(take(1), take(2)) {
		t.Error("two seeds, one sequence")
	}
	i := NewInsecure([32]byte{})
	if _, err := i.GetInsecureRandomBytes(ctx, MaxBytes+1); !errors.Is(err, errcode.Exhausted) {
		t.Errorf("too many bytes: %v", err)
	}
}
