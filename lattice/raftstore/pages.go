package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
)

// The reader below walks a bbolt file by itself, with every reference checked
// against the bytes that are there. bbolt trusts its pages: over damaged ones
// it panics in goroutines of its own, reads what is not mapped, or writes over
// pages in use; and it falls back to the older of its two meta pages when the
// newer is damaged, which would silently take back the last transaction.

// item is an entry of a bucket.
type item struct{ key, value []byte }

// pages is a bbolt file's content.
type pages struct {
	data     []byte
	size     uint64          // of a page, in bytes
	count    uint64          // pages in use or free; later ones mean nothing
	seen     map[uint64]bool // pages walked, with their overflow
	lastTx   uint64
	rootPage uint64
}

const (
	pageHeader    = 16
	pageElement   = 16
	flagBranch    = 1
	flagLeaf      = 2
	bucketHeader  = 16
	bboltMagic    = 0xED0CDAED
	maxTreeHeight = 16
)

var native = binary.NativeEndian // bbolt writes its structures as they are in memory

// readPages reads a bbolt file whose lock the caller holds and returns its
// buckets. empty says that it was made but nothing was ever written to it.
func readPages(path string) (buckets map[string][]item, empty bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	return parsePages(data)
}

func parsePages(data []byte) (buckets map[string][]item, empty bool, err error) {
	p := &pages{data: data, seen: map[uint64]bool{}}
	if err := p.readMeta(); err != nil {
		return nil, false, err
	}
	root, err := p.walk(p.rootPage, nil, nil, true, 0)
	if err != nil {
		return nil, false, err
	}
	buckets = map[string][]item{}
	for _, b := range root {
		if buckets[string(b.key)], err = p.bucket(b); err != nil {
			return nil, false, fmt.Errorf("bucket %s: %w", b.key, err)
		}
	}
	return buckets, p.lastTx <= 1, nil
}

// readMeta checks both meta pages: each must be whole, and they must be of
// consecutive transactions.
func (p *pages) readMeta() error {
	var tx, root, count [2]uint64
	for i := range tx {
		at := uint64(i) * p.size
		if uint64(len(p.data)) < at+pageHeader+64 {
			return fmt.Errorf("meta page %d is missing", i)
		}
		h, m := p.data[at:at+pageHeader], p.data[at+pageHeader:at+pageHeader+64]
		sum := fnv.New64a()
		sum.Write(m[:56])
		if native.Uint32(m) != bboltMagic || native.Uint64(m[56:]) != sum.Sum64() {
			return fmt.Errorf("meta page %d: checksum does not match", i)
		}
		if native.Uint64(h) != uint64(i) || native.Uint16(h[8:]) != 4 {
			return fmt.Errorf("meta page %d: bad header", i)
		}
		p.size = uint64(native.Uint32(m[8:]))
		if p.size < 512 || p.size > 1<<16 {
			return fmt.Errorf("meta page %d: page size %d", i, p.size)
		}
		root[i], count[i], tx[i] = native.Uint64(m[16:]), native.Uint64(m[40:]), native.Uint64(m[48:])
	}
	newest := 0
	switch {
	case tx[1] == tx[0]+1:
		newest = 1
	case tx[0] != tx[1]+1:
		return fmt.Errorf("meta pages are of transactions %d and %d", tx[0], tx[1])
	}
	p.rootPage, p.count, p.lastTx = root[newest], count[newest], tx[newest]
	if have := uint64(len(p.data)) / p.size; have < p.count {
		return fmt.Errorf("file has %d pages, want %d", have, p.count)
	}
	return nil
}

// bucket returns the entries of a bucket, which is inline or has a tree.
func (p *pages) bucket(b item) ([]item, error) {
	if len(b.value) < bucketHeader {
		return nil, errors.New("header is cut")
	}
	if root := native.Uint64(b.value); root != 0 {
		return p.walk(root, nil, nil, false, 0)
	}
	inline := b.value[bucketHeader:]
	if len(inline) < pageHeader || native.Uint64(inline) != 0 || native.Uint16(inline[8:]) != flagLeaf || native.Uint32(inline[12:]) != 0 {
		return nil, errors.New("inline page: bad header")
	}
	items, used, err := leaf(inline, false)
	if err == nil && used != uint64(len(inline)) {
		err = fmt.Errorf("inline page has %d bytes, want %d", len(inline), used)
	}
	return items, err
}

// walk returns the entries below page id, whose keys must be from lo up to but
// not including hi (nil: no bound).
func (p *pages) walk(id uint64, lo, hi []byte, buckets bool, depth int) ([]item, error) {
	body, err := p.page(id, depth)
	if err != nil {
		return nil, err
	}
	var items []item
	var used uint64
	switch native.Uint16(body[8:]) {
	case flagLeaf:
		items, used, err = leaf(body, buckets)
	case flagBranch:
		items, used, err = p.branch(body, hi, buckets, depth)
	default:
		err = fmt.Errorf("kind %#x", native.Uint16(body[8:]))
	}
	if err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	if want := (used + p.size - 1) / p.size; want*p.size != uint64(len(body)) {
		return nil, fmt.Errorf("page %d: %d pages, want %d", id, uint64(len(body))/p.size, want)
	}
	for i, it := range items {
		if i > 0 && bytes.Compare(items[i-1].key, it.key) >= 0 {
			return nil, fmt.Errorf("page %d: keys out of order", id)
		}
	}
	if n := len(items); n > 0 && (lo != nil && bytes.Compare(items[0].key, lo) < 0 || hi != nil && bytes.Compare(items[n-1].key, hi) >= 0) {
		return nil, fmt.Errorf("page %d: keys outside of their range", id)
	}
	return items, nil
}

// page returns a page with its overflow, seen for the first time.
func (p *pages) page(id uint64, depth int) ([]byte, error) {
	if depth > maxTreeHeight {
		return nil, fmt.Errorf("page %d: deeper than %d", id, maxTreeHeight)
	}
	if id < 2 || id >= p.count {
		return nil, fmt.Errorf("page %d of %d", id, p.count)
	}
	at := id * p.size
	overflow := uint64(native.Uint32(p.data[at+12:]))
	if self := native.Uint64(p.data[at:]); self != id {
		return nil, fmt.Errorf("page %d: says it is %d", id, self)
	}
	if overflow >= p.count-id {
		return nil, fmt.Errorf("page %d: %d more of %d", id, overflow, p.count)
	}
	for i := id; i <= id+overflow; i++ {
		if p.seen[i] {
			return nil, fmt.Errorf("page %d: used twice", i)
		}
		p.seen[i] = true
	}
	return p.data[at : at+(overflow+1)*p.size], nil
}

// elements checks that a page has room for its elements and returns their
// number.
func elements(body []byte) (int, error) {
	n := int(native.Uint16(body[10:]))
	if pageHeader+n*pageElement > len(body) {
		return 0, fmt.Errorf("%d entries in %d bytes", n, len(body))
	}
	return n, nil
}

// slice returns n bytes at an element's position.
func slice(body []byte, element int, pos, n uint64) ([]byte, error) {
	from := uint64(element) + pos
	if from > uint64(len(body)) || n > uint64(len(body))-from {
		return nil, errors.New("an entry is outside of its page")
	}
	return body[from : from+n : from+n], nil
}

// leaf returns the entries of a leaf page and how many bytes it uses. Its
// entries are all buckets or all values.
func leaf(body []byte, buckets bool) (items []item, used uint64, err error) {
	n, err := elements(body)
	if err != nil {
		return nil, 0, err
	}
	used = pageHeader
	for i := range n {
		at := pageHeader + i*pageElement
		flags, pos := native.Uint32(body[at:]), uint64(native.Uint32(body[at+4:]))
		k, v := uint64(native.Uint32(body[at+8:])), uint64(native.Uint32(body[at+12:]))
		if flags > 1 || (flags == 1) != buckets {
			return nil, 0, fmt.Errorf("entry with flags %#x", flags)
		}
		both, err := slice(body, at, pos, k+v)
		if err != nil {
			return nil, 0, err
		}
		items = append(items, item{both[:k:k], both[k:]})
		used += pageElement + k + v
	}
	return items, used, nil
}

// branch returns the entries below a branch page and how many bytes the page
// itself uses.
func (p *pages) branch(body, hi []byte, buckets bool, depth int) (items []item, used uint64, err error) {
	n, err := elements(body)
	if err != nil {
		return nil, 0, err
	}
	if n == 0 {
		return nil, 0, errors.New("branch without entries")
	}
	keys, children := make([][]byte, n), make([]uint64, n)
	used = pageHeader
	for i := range n {
		at := pageHeader + i*pageElement
		size := uint64(native.Uint32(body[at+4:]))
		if keys[i], err = slice(body, at, uint64(native.Uint32(body[at:])), size); err != nil {
			return nil, 0, err
		}
		children[i] = native.Uint64(body[at+8:])
		used += pageElement + size
	}
	for i := range n {
		end := hi
		if i+1 < n {
			end = keys[i+1]
		}
		below, err := p.walk(children[i], keys[i], end, buckets, depth+1)
		if err != nil {
			return nil, 0, err
		}
		if len(below) == 0 {
			return nil, 0, fmt.Errorf("page %d below it is empty", children[i])
		}
		items = append(items, below...)
	}
	return items, used, nil
}
