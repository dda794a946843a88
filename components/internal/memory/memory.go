// Package memory keeps linear memories: address space reserved once at its
// full size, so that a memory never moves, reused from instance to instance,
// and set back to a module's image between them.
package memory

import (
	"errors"
	"fmt"
	"sync"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
)

// PageSize is the size of a WebAssembly page in bytes.
const PageSize = 1 << 16

// Pool holds memories that start from the same image. It is safe for concurrent use.
type Pool struct {
	max   uint64
	min   uint64
	image *image
	keep  int

	mu     sync.Mutex
	free   []*Memory // guarded by mu; last in, first out
	out    int       // guarded by mu; memories that are in use
	closed bool      // guarded by mu
}

// NewPool returns a pool for memories as m describes them. It keeps at most
// keep unused ones. It does not keep the bytes of m's image.
func NewPool(m *corewasm.Memory, keep int) *Pool {
	return &Pool{
		max: uint64(m.MaxPages) * PageSize, min: uint64(m.MinPages) * PageSize,
		image: newImage(m.Image), keep: keep,
	}
}

// ErrBudget is in the chain of the error of a memory that a budget does not allow.
var ErrBudget = errors.New("memory of an instance: no more is allowed")

// Budget is what the memories of one instance may hold together, in bytes. It
// is not safe for concurrent use.
type Budget struct {
	Limit uint64
	used  uint64
}

// Used returns how many bytes the memories hold.
func (b *Budget) Used() uint64 { return b.used }

// Get returns a memory in its initial state, whose size counts in b as soon as
// the engine asks for it.
//
// Errors: errcode.Exhausted if b does not allow the initial size, or the
// system gives no address space.
func (p *Pool) Get(b *Budget) (*Memory, error) {
	if p.min > b.Limit-min(b.used, b.Limit) {
		return nil, &errcode.Error{Code: errcode.Exhausted, Msg: fmt.Sprintf("memory bytes of an instance: %d > %d", b.used+p.min, b.Limit), Err: ErrBudget}
	}
	p.mu.Lock()
	p.out++
	if n := len(p.free); n > 0 {
		m := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		m.budget = b
		return m, nil
	}
	p.mu.Unlock()
	base, err := reserve(p.max)
	if err != nil {
		p.mu.Lock()
		p.out--
		p.mu.Unlock()
		return nil, err
	}
	m := &Memory{pool: p, base: base, budget: b}
	m.mapped = p.image.mapInto(base)
	m.load()
	return m, nil
}

// Put takes m back. Nobody may use it any more.
func (p *Pool) Put(m *Memory) {
	m.budget.used -= m.size
	m.budget, m.size = nil, 0
	p.mu.Lock()
	keep := !p.closed && len(p.free) < p.keep
	p.mu.Unlock()
	keep = keep && m.reset()
	p.mu.Lock()
	p.out--
	if keep = keep && !p.closed && len(p.free) < p.keep; keep {
		p.free = append(p.free, m)
	}
	last := p.closed && p.out == 0
	p.mu.Unlock()
	if !keep {
		release(m.base)
	}
	if last {
		p.image.close()
	}
}

// Close frees the unused memories; those still out are freed by Put.
func (p *Pool) Close() {
	p.mu.Lock()
	free := p.free
	last := !p.closed && p.out == 0
	p.free, p.closed = nil, true
	p.mu.Unlock()
	for _, m := range free {
		release(m.base)
	}
	if last {
		p.image.close()
	}
}

// Memory is one linear memory. It implements wazero's LinearMemory; the
// address of its first byte never changes.
type Memory struct {
	pool   *Pool
	base   []byte  // the whole reservation
	budget *Budget // of the instance that uses it
	size   uint64  // bytes that are accessible, counted in budget
	high   uint64  // bytes that were ever accessible since load
	mapped uint64  // bytes at the start that are a private mapping of the image
	shrink bool    // the next Reallocate is to answer the initial size
}

// Reallocate returns the first size bytes, nil above the maximum or the
// budget.
func (m *Memory) Reallocate(size uint64) []byte {
	if m.shrink {
		m.shrink, size = false, m.pool.min
	}
	if size > uint64(len(m.base)) {
		return nil
	}
	used := m.budget.used - m.size + size
	if size > m.size && used > m.budget.Limit {
		return nil
	}
	m.budget.used, m.size = used, size
	m.high = max(m.high, size)
	return m.base[:size:len(m.base)]
}

// Free does nothing: the instance gives the memory back to its pool itself,
// because the engine calls Free also when a module closes that only imports
// the memory.
func (m *Memory) Free() {}

// Pool returns the pool that m belongs to.
func (m *Memory) Pool() *Pool { return m.pool }

// load lays what is not mapped of the image into a zeroed memory.
func (m *Memory) load() {
	if m.mapped == 0 {
		m.pool.image.copyTo(m.base)
	}
	m.high = m.pool.min
}
