// Package memory keeps linear memories: address space reserved once at its
// full size, so that a memory never moves, reused from instance to instance,
// and set back to a module's image between them.
package memory

import (
	"sync"

	"latticework/components/internal/corewasm"
)

// PageSize is the size of a WebAssembly page in bytes.
const PageSize = 1 << 16

// Pool holds the memories of one core module. It is safe for concurrent use.
type Pool struct {
	max   uint64
	min   uint64
	image []corewasm.Segment
	keep  int

	mu     sync.Mutex
	free   []*Memory // guarded by mu; last in, first out
	closed bool      // guarded by mu
}

// NewPool returns a pool for memories as m describes them. It keeps at most
// keep unused ones.
func NewPool(m *corewasm.Memory, keep int) *Pool {
	return &Pool{
		max: uint64(m.MaxPages) * PageSize, min: uint64(m.MinPages) * PageSize,
		image: m.Image, keep: keep,
	}
}

// Get returns a memory in its initial state that grows to limit bytes at most.
//
// Errors: errcode.Exhausted if the system gives no address space.
func (p *Pool) Get(limit uint64) (*Memory, error) {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		m := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		m.limit = limit
		return m, nil
	}
	p.mu.Unlock()
	base, err := reserve(p.max)
	if err != nil {
		return nil, err
	}
	m := &Memory{pool: p, base: base, limit: limit}
	m.load()
	return m, nil
}

// Put takes m back. Nobody may use it any more.
func (p *Pool) Put(m *Memory) {
	p.mu.Lock()
	full := p.closed || len(p.free) >= p.keep
	p.mu.Unlock()
	if full || !m.reset() {
		release(m.base)
		return
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		release(m.base)
		return
	}
	p.free = append(p.free, m)
	p.mu.Unlock()
}

// Close frees the unused memories; those still out are freed by Put.
func (p *Pool) Close() {
	p.mu.Lock()
	free := p.free
	p.free, p.closed = nil, true
	p.mu.Unlock()
	for _, m := range free {
		release(m.base)
	}
}

// Memory is one linear memory. It implements wazero's LinearMemory; the
// address of its first byte never changes.
type Memory struct {
	pool  *Pool
	base  []byte // the whole reservation
	high  uint64 // bytes that were ever accessible since load
	limit uint64 // bytes it may grow to
}

// Reallocate returns the first size bytes, nil above the maximum
// or the limit.
func (m *Memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.base)) || size > m.limit && size > m.pool.min {
		return nil
	}
	m.high = max(m.high, size)
	return m.base[:size:len(m.base)]
}

// Free does nothing: the instance gives the memory back to its pool itself,
// because the engine calls Free also when a module closes that only imports
// the memory.
func (m *Memory) Free() {}

// Pool returns the pool that m belongs to.
func (m *Memory) Pool() *Pool { return m.pool }

// load lays the image into a zeroed memory.
func (m *Memory) load() {
	for _, s := range m.pool.image {
		copy(m.base[s.Offset:], s.Data)
	}
	m.high = m.pool.min
}
