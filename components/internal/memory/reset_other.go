//go:build !linux

package memory

// imageFile exists on Linux alone.
type imageFile struct{}

func (*imageFile) make(*image) {}
func (*imageFile) close()      {}

func (*image) mapInto([]byte) uint64 { return 0 }

func noHugePages([]byte) {}

// forget makes what m ever held zeros.
func (m *Memory) forget() bool {
	clear(m.base[:m.high])
	return true
}

// reset sets m back to its initial state and reports whether it could.
func (m *Memory) reset() bool {
	m.pool.image.restore(m.base[:m.high], 0)
	m.high = m.pool.min
	return true
}
