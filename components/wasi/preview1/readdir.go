package preview1

import (
	"context"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// listing is where a guest is in a folder. Entry 0 is ".", 1 is "..", then
// come the others as the system gives them; an entry's cookie is the next
// one's number. A guest that goes on where it was costs one look at each
// entry; one that goes back has the folder read from its start.
type listing struct {
	stream wasifs.DirectoryEntryStream
	// next is the number of the entry that is read next; kept, unless nil, is
	// the one before, which did not fit into the guest's buffer.
	next uint64
	kept *dirent
}

// dirent is an entry as a guest gets it.
type dirent struct {
	number uint64
	inode  uint64
	kind   byte
	name   string
}

const direntSize = 24

// fdReaddir fills a buffer with entries from a cookie on. A buffer that is not
// full tells the guest that there are no more; the last entry in a full one may
// be cut. Names that are not UTF-8, which no path could name, are left out.
func fdReaddir(c *call) error {
	d, err := c.fdWith(c.u32(0), rightFdReaddir)
	if err != nil {
		return err
	}
	b, err := c.mem.slice(c.u32(1), c.u32(2))
	if err != nil {
		return err
	}
	used, err := c.mem.place(c.p[4], 4)
	if err != nil {
		return err
	}
	if err := c.seekListing(d, c.p[3]); err != nil {
		return err
	}
	size := len(b)
	for len(b) > 0 {
		e, err := c.entry(d)
		if err != nil {
			return err
		}
		if e == nil {
			break
		}
		n := e.put(b)
		if b = b[n:]; n < direntSize+len(e.name) {
			d.listing.kept = e
		}
	}
	put32(used, uint32(size-len(b)))
	return nil
}

// put stores what fits of e and returns how much that is.
func (e *dirent) put(b []byte) int {
	var head [direntSize]byte
	put64(head[:], e.number+1)
	put64(head[8:], e.inode)
	put32(head[16:], uint32(len(e.name)))
	head[20] = e.kind
	n := copy(b, head[:])
	return n + copy(b[n:], e.name)
}

// seekListing makes entry number cookie the next one.
func (g *guest) seekListing(d *descriptor, cookie uint64) error {
	l := d.listing
	if l != nil && l.kept != nil && cookie == l.kept.number {
		return nil
	}
	if l == nil || cookie < l.next || cookie == 0 {
		d.endListing(g.ctx())
		stream, err := d.file.ReadDirectory(g.ctx())
		if err != nil {
			return err
		}
		l = &listing{stream: stream}
		d.listing = l
	}
	l.kept = nil
	for l.next < cookie {
		if err := g.in.Overdue(); err != nil {
			return err
		}
		if e, err := g.step(d); err != nil || e == nil {
			return err
		}
	}
	return nil
}

// entry returns the next entry with all that is told of it, nil after the last.
func (g *guest) entry(d *descriptor) (*dirent, error) {
	if e := d.listing.kept; e != nil {
		d.listing.kept = nil
		return e, nil
	}
	if err := g.in.Overdue(); err != nil {
		return nil, err
	}
	e, err := g.step(d)
	if err != nil || e == nil {
		return nil, err
	}
	var hash wasifs.MetadataHashValue
	if e.number < 2 { // of the parent no more is known than that it is there
		hash, err = d.file.MetadataHash(g.ctx())
	} else {
		hash, err = d.file.MetadataHashAt(g.ctx(), 0, e.name)
	}
	if _, fatal := errnoOf(err); fatal != nil {
		return nil, fatal
	}
	e.inode = hash.Lower // 0 for what is gone in the meantime
	return e, nil
}

// step returns the next entry by name and type, nil after the last.
func (g *guest) step(d *descriptor) (*dirent, error) {
	l := d.listing
	e := &dirent{number: l.next, kind: typeDirectory}
	switch l.next {
	case 0:
		e.name = "."
	case 1:
		e.name = ".."
	default:
		next, err := l.read(g.ctx())
		if err != nil || next == nil {
			return nil, err
		}
		e.name, e.kind = next.Name, fileType(next.Type)
	}
	l.next++
	return e, nil
}

// read returns the next entry of the stream, nil after the last.
func (l *listing) read(ctx context.Context) (*wasifs.DirectoryEntry, error) {
	for {
		next, err := l.stream.ReadDirectoryEntry(ctx)
		if err == nil && !next.Some {
			return nil, nil
		}
		if err == nil {
			return &next.Value, nil
		}
		if e, fatal := errnoOf(err); fatal != nil || e != errIlseq {
			return nil, err
		}
	}
}

func (d *descriptor) endListing(ctx context.Context) {
	if d.listing != nil {
		d.listing.stream.Drop(ctx)
		d.listing = nil
	}
}
