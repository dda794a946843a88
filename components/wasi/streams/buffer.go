package streams

import "sync"

// BufferSize bounds what a stream holds of its data at any time, and so what
// one read gives.
const BufferSize = 64 << 10

// Buffer is the memory of one read or of what a stream holds.
type Buffer [BufferSize]byte

var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// GetBuffer returns a buffer with any content.
func GetBuffer() *Buffer { return buffers.Get().(*Buffer) }

// PutBuffer takes b back; nil is nothing. Nobody uses b afterwards.
func PutBuffer(b *Buffer) {
	if b != nil {
		buffers.Put(b)
	}
}

// clamp returns n, or BufferSize if that is less.
func clamp(n uint64) int { return int(min(n, BufferSize)) }
