package memory

import (
	"os"

	"latticework/components/internal/corewasm"
)

// Freeze returns a pool of memories that start as m is now, and makes m one of
// them. It returns nil if the system does not allow it; m must not be used any
// more then.
func (m *Memory) Freeze() *Pool {
	p := m.pool
	frozen := &Pool{max: p.max, min: m.size, keep: p.keep, image: newImage(written(m.base[:m.size])), out: 1}
	// What m holds is the image from here on.
	if !m.forget() {
		frozen.image.close()
		return nil
	}
	m.pool, m.mapped = frozen, frozen.image.mapInto(m.base)
	m.load()
	p.gone()
	return frozen
}

// gone counts a memory that is no longer p's.
func (p *Pool) gone() {
	p.mu.Lock()
	p.out--
	last := p.closed && p.out == 0
	p.mu.Unlock()
	if last {
		p.image.close()
	}
}

// written returns the pages of mem that hold more than zeros, as segments that
// share its bytes.
func written(mem []byte) []corewasm.Segment {
	page := os.Getpagesize()
	zero := make([]byte, page)
	var out []corewasm.Segment
	start := -1
	for at := 0; at <= len(mem); at += page {
		some := at < len(mem) && string(mem[at:at+page]) != string(zero)
		if some && start < 0 {
			start = at
		}
		if !some && start >= 0 {
			out = append(out, corewasm.Segment{Offset: uint32(start), Data: mem[start:at]})
			start = -1
		}
	}
	return out
}

// Restore sets m back to its initial state while an engine uses it, and reports
// whether it could; if not, m must not be used any more. grow is the engine's
// function that lets the memory grow by a number of pages. A memory that grew
// is made smaller with it, for which the engine has no function: wazero 1.12
// takes whatever Reallocate answers.
func (m *Memory) Restore(grow func(pages uint32) (uint32, bool)) bool {
	if !m.reset() {
		return false
	}
	if m.size == m.pool.min {
		return true
	}
	m.shrink = true
	_, ok := grow(1)
	ok = ok && !m.shrink
	m.shrink = false
	return ok
}
