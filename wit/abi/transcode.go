package abi

import "unicode/utf8"

// storeText has the guest allocate memory for s in its own encoding, and
// returns pointer and tagged length. The calls of realloc, their arguments and
// their order are those of store_string_into_range in definitions.py: a guest
// can see them.
func (m *Mem) storeText(s text) (ptr, tagged uint32) {
	switch m.Encoding {
	case UTF8:
		switch s.form {
		case formUTF8:
			return m.storeCopy(s, 1)
		case formLatin1:
			return m.storeUTF8(s, 2*s.units)
		default:
			return m.storeUTF8(s, 3*s.units)
		}
	case UTF16:
		switch s.form {
		case formUTF8:
			return m.storeUTF16(s)
		case formLatin1:
			return m.storeInflated(s)
		default:
			return m.storeCopy(s, 2)
		}
	}
	switch s.form {
	case formLatin1:
		return m.storeCopy(s, 2)
	case formTagged:
		return m.storeProbablyUTF16(s)
	}
	return m.storeLatin1OrUTF16(s)
}

// storeCopy stores s as it is.
func (m *Mem) storeCopy(s text, align uint32) (ptr, units uint32) {
	ptr, dst := m.Allocate(uint32(len(s.b)), align)
	copyBytes(dst, s.b)
	return ptr, s.units
}

// storeInflated stores Latin-1 as UTF-16.
func (m *Mem) storeInflated(s text) (ptr, units uint32) {
	ptr, dst := m.Allocate(2*s.units, 2)
	if m.err != nil {
		return 0, 0
	}
	for i, c := range s.b {
		le.PutUint16(dst[2*i:], uint16(c))
	}
	return ptr, s.units
}

// storeUTF8 stores s, which is not UTF-8, as UTF-8: it hopes for ASCII and
// makes room for the worst at the first character that is not.
func (m *Mem) storeUTF8(s text, worst uint32) (ptr, units uint32) {
	ptr, dst := m.Allocate(s.units, 1)
	if m.err != nil {
		return 0, 0
	}
	n, i := 0, 0
	for i < len(s.b) {
		r, next := s.next(i)
		if r >= utf8.RuneSelf {
			break
		}
		dst[n] = byte(r)
		n, i = n+1, next
	}
	if i == len(s.b) {
		return ptr, s.units
	}
	ptr, ok := m.realloc(ptr, s.units, 1, worst)
	if !ok {
		return 0, 0
	}
	out := m.Data[ptr : ptr+uint32(n) : ptr+worst]
	for i < len(s.b) {
		r, next := s.next(i)
		out = utf8.AppendRune(out, r)
		i = next
	}
	return m.shrink(ptr, worst, 1, uint32(len(out))), uint32(len(out))
}

// storeUTF16 stores UTF-8 as UTF-16.
func (m *Mem) storeUTF16(s text) (ptr, units uint32) {
	worst := 2 * s.units
	ptr, dst := m.Allocate(worst, 2)
	if m.err != nil {
		return 0, 0
	}
	out := dst[:0]
	for i := 0; i < len(s.b); {
		r, next := s.next(i)
		out = appendUTF16(out, r)
		i = next
	}
	return m.shrink(ptr, worst, 2, uint32(len(out))), uint32(len(out)) / 2
}

// storeLatin1OrUTF16 stores s for a latin1+utf16 guest: it hopes for Latin-1
// and turns to UTF-16 at the first character that is not.
func (m *Mem) storeLatin1OrUTF16(s text) (ptr, tagged uint32) {
	ptr, dst := m.Allocate(s.units, 2)
	if m.err != nil {
		return 0, 0
	}
	n, i := uint32(0), 0
	for i < len(s.b) {
		r, next := s.next(i)
		if r > 0xff {
			break
		}
		dst[n] = byte(r)
		n, i = n+1, next
	}
	if i == len(s.b) {
		return m.shrink(ptr, s.units, 2, n), n
	}
	worst := 2 * s.units
	ptr, ok := m.realloc(ptr, s.units, 2, worst)
	if !ok {
		return 0, 0
	}
	dst = m.Data[ptr : ptr+worst : ptr+worst]
	for j := int(n) - 1; j >= 0; j-- {
		le.PutUint16(dst[2*j:], uint16(dst[j]))
	}
	out := dst[:2*n]
	for i < len(s.b) {
		r, next := s.next(i)
		out = appendUTF16(out, r)
		i = next
	}
	return m.shrink(ptr, worst, 2, uint32(len(out))), uint32(len(out))/2 | utf16Tag
}

// storeProbablyUTF16 stores UTF-16 out of latin1+utf16 for another guest of
// that encoding: it hopes for UTF-16 and shrinks to Latin-1 if it can.
func (m *Mem) storeProbablyUTF16(s text) (ptr, tagged uint32) {
	size := uint32(len(s.b))
	ptr, dst := m.Allocate(size, 2)
	if m.err != nil {
		return 0, 0
	}
	copyBytes(dst, s.b)
	for i := 0; i < len(s.b); i += 2 {
		if s.b[i+1] != 0 {
			return ptr, s.units | utf16Tag
		}
	}
	for i := range s.units {
		dst[i] = dst[2*i]
	}
	ptr, _ = m.realloc(ptr, size, 1, s.units)
	return ptr, s.units
}

// shrink gives back what a string did not need of its worst case.
func (m *Mem) shrink(ptr, have, align, need uint32) uint32 {
	if need < have {
		ptr, _ = m.realloc(ptr, have, align, need)
	}
	return ptr
}
