package corewasm

import (
	"crypto/sha256"
	"fmt"
)

// Store keeps rewritten modules in their bare form, for processes to come.
// What it gives must be what this build put there: the engine trusts it.
type Store interface {
	// Get returns what is stored under key, nil for nothing.
	Get(key [sha256.Size]byte) []byte
	// Put stores data, if it can.
	Put(key [sha256.Size]byte, data []byte)
}

// Code is a module as the engine gets it.
type Code struct {
	// Full is the whole module; nil if only its bare form was stored.
	Full []byte
	// Bare is the module without what its functions do, and with the digest of
	// Full: under it the engine may keep what it compiled of Full. nil for a
	// module that is not stored.
	Bare []byte
}

// Any returns the module for those who do not look at what functions do.
func (c *Code) Any() []byte {
	if c.Full != nil {
		return c.Full
	}
	return c.Bare
}

// storedSize is how many bytes a module must have for reading it to be quicker
// than rewriting it.
const storedSize = 32 << 10

// Origin says which module of whose bytes one is.
type Origin struct {
	Digest [sha256.Size]byte // of the bytes that hold it
	// Start is where it begins in them; Companion is 0 for itself, else the
	// memory that it is a companion for.
	Start, Companion int
}

// RewriteStored is [Module.Rewrite] that takes the result in its bare form from
// s, which may be nil, if it is there. Otherwise it stores that.
func (m *Module) RewriteStored(cfg RewriteConfig, s Store, o Origin) (Code, error) {
	if s == nil || len(m.data) < storedSize {
		full, err := m.Rewrite(cfg)
		return Code{Full: full}, err
	}
	key := o.key(cfg)
	if data := s.Get(key); len(data) > 0 {
		m.state.restore(data[len(data)-1])
		return Code{Bare: data[:len(data)-1]}, nil
	}
	full, err := m.Rewrite(cfg)
	if err != nil {
		return Code{}, err
	}
	code := Code{Full: full, Bare: bare(full)}
	s.Put(key, append(code.Bare, m.state.stored()))
	return code, nil
}

// key is the digest of what decides on the result of [Module.Rewrite].
func (o *Origin) key(cfg RewriteConfig) [sha256.Size]byte {
	b := appendLEB(append(make([]byte, 0, 4<<10), o.Digest[:]...), uint64(len(cfg.Imports)))
	for _, t := range cfg.Imports { // apart from the rest, for there are many
		b = appendName(appendName(b, t.Module), t.Name)
	}
	cfg.Imports = nil
	return sha256.Sum256(fmt.Appendf(b, "%d %d %#v", o.Start, o.Companion, cfg))
}

// bareSection names the custom section with the digest of a bare module's code.
const bareSection = "latticework-code"

// bare returns full, a rewritten module, with bodies that only trap.
func bare(full []byte) []byte {
	out := append(make([]byte, 0, 64<<10), preamble...)
	r := &reader{data: full, pos: len(preamble), end: len(full)}
	for r.left() > 0 {
		start := r.pos
		id, size := r.byte(), int(r.u32())
		content := r.pos
		r.skip(uint64(size))
		if id != secCode {
			out = append(out, full[start:r.pos]...)
			continue
		}
		bodies := (&reader{data: full, pos: content, end: r.pos}).u32()
		section := appendLEB(nil, uint64(bodies))
		for range bodies {
			section = append(section, 3, 0, opUnreachable, opEnd) // a size, no locals
		}
		out = append(appendLEB(append(out, secCode), uint64(len(section))), section...)
	}
	digest := sha256.Sum256(full)
	section := append(appendName(nil, bareSection), digest[:]...)
	return append(appendLEB(append(out, secCustom), uint64(len(section))), section...)
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
