//go:build !unix

package memory

// reserve returns size bytes of zeroed memory.
func reserve(size uint64) ([]byte, error) { return make([]byte, size), nil }

func release([]byte) {}

// reset sets m back to its initial state and reports whether it could.
func (m *Memory) reset() bool {
	clear(m.base[:m.high])
	m.load()
	return true
}
