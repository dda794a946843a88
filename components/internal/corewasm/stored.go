package corewasm

import (
	"crypto/sha256"
	"fmt"
)

// Store keeps rewritten modules, for processes to come. What it gives must be
// what this build put there: it is run.
type Store interface {
	// Get returns what is stored under key, nil for nothing.
	Get(key [sha256.Size]byte) []byte
	// Put stores data, if it can.
	Put(key [sha256.Size]byte, data []byte)
}

// storedSize is how many bytes a module must have for reading it to be quicker
// than rewriting it.
const storedSize = 32 << 10

// RewriteStored is [Module.Rewrite] that takes the result from s, which may be
// nil, if it is there.
func (m *Module) RewriteStored(cfg RewriteConfig, s Store) ([]byte, error) {
	if s == nil || len(m.data) < storedSize {
		return m.Rewrite(cfg)
	}
	h := sha256.New()
	h.Write(m.data)
	fmt.Fprintf(h, "%#v", cfg)
	key := [sha256.Size]byte(h.Sum(nil))
	if data := s.Get(key); len(data) > 0 {
		m.state.restore(data[len(data)-1])
		return data[:len(data)-1], nil
	}
	out, err := m.Rewrite(cfg)
	if err == nil {
		s.Put(key, append(out, m.state.stored()))
	}
	return out, err
}

// stored returns s as a byte.
func (s *stateful) stored() byte {
	var b byte
	for i, set := range [...]bool{s.globals, s.tables, s.reads, s.drops} {
		if set {
			b |= 1 << i
		}
	}
	return b
}

// restore sets s to what stored gave.
func (s *stateful) restore(b byte) {
	for i, set := range [...]*bool{&s.globals, &s.tables, &s.reads, &s.drops} {
		*set = b&(1<<i) != 0
	}
}
