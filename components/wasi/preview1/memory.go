package preview1

import (
	"encoding/binary"
	"unicode/utf8"
)

// memory is the guest's memory during one call. Every address and length comes
// from the guest and is checked.
type memory []byte

// slice returns n bytes at ptr.
//
// Errors: errFault if they are not all in memory.
func (m memory) slice(ptr, n uint32) ([]byte, error) {
	if uint64(ptr)+uint64(n) > uint64(len(m)) {
		return nil, errFault
	}
	return m[ptr : ptr+n : ptr+n], nil
}

// place returns n bytes at ptr for results; it is asked before anything is
// done, so that a guest never gets half of an effect for a bad address.
func (m memory) place(ptr uint64, n uint32) ([]byte, error) { return m.slice(uint32(ptr), n) }

// text returns a string of the guest.
//
// Errors: errFault, and errIlseq for what is not UTF-8.
func (m memory) text(ptr, n uint64) (string, error) {
	b, err := m.slice(uint32(ptr), uint32(n))
	if err != nil {
		return "", err
	}
	if len(b) > maxPath {
		return "", errNametoolong
	}
	if !utf8.Valid(b) {
		return "", errIlseq
	}
	return string(b), nil
}

// maxPath is the longest path or link text, in bytes.
const maxPath = 4096

// maxVectors is how many parts one read or write may have, as in POSIX.
const maxVectors = 1024

// maxTransfer is how many bytes one read or write moves; more is a short one.
const maxTransfer = 64 << 20

// vectors is the list of buffers of one read or write.
type vectors struct {
	mem  memory
	list []byte // of pairs of address and length
	left int    // bytes that may still be moved
}

// vectors returns the list of n buffers at ptr, all of which are in memory.
//
// Errors: errFault, errInval for more than [maxVectors].
func (m memory) vectors(ptr, n uint64) (vectors, error) {
	if uint32(n) > maxVectors {
		return vectors{}, errInval
	}
	list, err := m.slice(uint32(ptr), uint32(n)*8)
	if err != nil {
		return vectors{}, err
	}
	v := vectors{mem: m, list: list, left: maxTransfer}
	for b := list; len(b) > 0; b = b[8:] {
		if _, err := m.slice(binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])); err != nil {
			return vectors{}, err
		}
	}
	return v, nil
}

// next returns the next buffer that holds something, nil after the last. The
// guest cannot change the list meanwhile, but a read may have: each is checked
// again.
func (v *vectors) next() []byte {
	for len(v.list) > 0 && v.left > 0 {
		b, err := v.mem.slice(binary.LittleEndian.Uint32(v.list), binary.LittleEndian.Uint32(v.list[4:]))
		v.list = v.list[8:]
		if err != nil {
			return nil
		}
		if len(b) > 0 {
			b = b[:min(len(b), v.left)]
			v.left -= len(b)
			return b
		}
	}
	return nil
}

func put16(b []byte, v uint16) { binary.LittleEndian.PutUint16(b, v) }
func put32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func put64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }
func get16(b []byte) uint16    { return binary.LittleEndian.Uint16(b) }
func get32(b []byte) uint32    { return binary.LittleEndian.Uint32(b) }
func get64(b []byte) uint64    { return binary.LittleEndian.Uint64(b) }
