package abi

import "unsafe"

// largeStep is how much is copied in one piece: what the runtime copies in one
// piece holds up a collection of the whole process.
const largeStep = 1 << 20

// copyBytes is copy, in pieces between which the goroutine can be stopped.
func copyBytes(dst, src []byte) {
	for len(src) > largeStep && len(dst) > largeStep {
		copy(dst[:largeStep], src[:largeStep])
		dst, src = dst[largeStep:], src[largeStep:]
	}
	copy(dst, src)
}

// textOf returns b as a string of its own.
func textOf(b []byte) string {
	if len(b) <= largeStep {
		return string(b)
	}
	c := make([]byte, len(b))
	copyBytes(c, b)
	return unsafe.String(&c[0], len(c))
}
