package preview1

import (
	"context"
	"math"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

func fdAdvise(c *call) error {
	d, err := c.fdWith(c.u32(0), rightFdAdvise)
	if err != nil {
		return err
	}
	if c.u32(3) > uint32(wasifs.AdviceNoReuse) {
		return errInval
	}
	return d.file.Advise(c.ctx(), c.p[1], c.p[2], wasifs.Advice(c.u32(3)))
}

// fdAllocate makes a file at least as long as the range. Blocks are not
// reserved: a later write may still find the device full.
func fdAllocate(c *call) error {
	d, err := c.fdWith(c.u32(0), rightFdAllocate)
	if err != nil {
		return err
	}
	if c.p[2] == 0 || c.p[1] > math.MaxInt64 || c.p[2] > math.MaxInt64-c.p[1] {
		return errInval
	}
	st, err := d.file.Stat(c.ctx())
	if err != nil {
		return err
	}
	if !d.writes() {
		return errBadf
	}
	if end := c.p[1] + c.p[2]; st.Size < end {
		return d.file.SetSize(c.ctx(), end)
	}
	return nil
}

func (d *descriptor) writes() bool { return d.base&rightFdWrite != 0 }

func fdClose(c *call) error {
	d, err := c.fd(c.u32(0))
	if err != nil {
		return err
	}
	c.fds[c.u32(0)] = nil
	d.close(c.ctx())
	return nil
}

// fdRenumber moves a descriptor to the number of another one, which it closes.
func fdRenumber(c *call) error {
	from, err := c.fd(c.u32(0))
	if err != nil {
		return err
	}
	to, err := c.fd(c.u32(1))
	if err != nil || from == to {
		return err
	}
	c.fds[c.u32(1)], c.fds[c.u32(0)] = from, nil
	to.close(c.ctx())
	return nil
}

func fdDatasync(c *call) error {
	return syncWith(c, rightFdDatasync, wasifs.Descriptor.SyncData)
}

func fdSync(c *call) error { return syncWith(c, rightFdSync, wasifs.Descriptor.Sync) }

func syncWith(c *call, need rights, sync func(wasifs.Descriptor, context.Context) error) error {
	d, err := c.fd(c.u32(0))
	if err != nil {
		return err
	}
	if d.file == nil {
		return errInval // as of a pipe
	}
	if _, err := c.fdWith(c.u32(0), need); err != nil {
		return err
	}
	return sync(d.file, c.ctx())
}

func fdFdstatGet(c *call) error {
	d, err := c.fd(c.u32(0))
	if err != nil {
		return err
	}
	b, err := c.mem.place(c.p[1], 24)
	if err != nil {
		return err
	}
	clear(b)
	b[0] = d.kind
	put16(b[2:], d.flags)
	put64(b[8:], uint64(d.base))
	put64(b[16:], uint64(d.inheriting))
	return nil
}

// fdFdstatSetFlags changes append and nonblock; how writes are synced is said
// when a file is opened.
func fdFdstatSetFlags(c *call) error {
	d, err := c.fdWith(c.u32(0), rightFdFdstatSetFlags)
	if err != nil {
		return err
	}
	flags := c.u32(1)
	if flags&^allFlags != 0 {
		return errInval
	}
	if (flags^uint32(d.flags))&^(flagAppend|flagNonblock) != 0 {
		return errNotsup
	}
	d.flags = uint16(flags)
	return nil
}

// fdFdstatSetRights takes rights away.
func fdFdstatSetRights(c *call) error {
	d, err := c.fd(c.u32(0))
	if err != nil {
		return err
	}
	base, inheriting := rights(c.p[1]), rights(c.p[2])
	if base&^d.base != 0 || inheriting&^d.inheriting != 0 {
		return errNotcapable
	}
	d.base, d.inheriting = base, inheriting
	return nil
}

func fdPrestatGet(c *call) error {
	d, err := c.granted()
	if err != nil {
		return err
	}
	b, err := c.mem.place(c.p[1], 8)
	if err != nil {
		return err
	}
	clear(b[:4]) // a folder; there are no other kinds
	put32(b[4:], uint32(len(d.preopen)))
	return nil
}

func fdPrestatDirName(c *call) error {
	d, err := c.granted()
	if err != nil {
		return err
	}
	if uint64(c.u32(2)) < uint64(len(d.preopen)) {
		return errNametoolong
	}
	b, err := c.mem.place(c.p[1], uint32(len(d.preopen)))
	if err != nil {
		return err
	}
	copy(b, d.preopen)
	return nil
}

// granted returns the granted folder that the first parameter names.
func (c *call) granted() (*descriptor, error) {
	d, err := c.fd(c.u32(0))
	if err == nil && d.preopen == "" {
		err = errBadf
	}
	return d, err
}

// The origins of fdSeek.
const (
	seekStart = iota
	seekCurrent
	seekEnd
)

func fdSeek(c *call) error {
	need := rightFdSeek
	if c.p[1] == 0 && c.u32(2) == seekCurrent {
		need = rightFdTell
	}
	d, err := c.fdWith(c.u32(0), need)
	if err != nil {
		return err
	}
	out, err := c.mem.place(c.p[3], 8)
	if err != nil {
		return err
	}
	if d.kind != typeRegular {
		return errSpipe
	}
	var origin uint64
	switch c.u32(2) {
	case seekStart:
	case seekCurrent:
		origin = d.offset
	case seekEnd:
		st, err := d.file.Stat(c.ctx())
		if err != nil {
			return err
		}
		origin = st.Size
	default:
		return errInval
	}
	// Both are within int64, so their sum wraps only to a negative number.
	at := int64(origin) + int64(c.p[1])
	if at < 0 {
		return errInval
	}
	d.offset = uint64(at)
	put64(out, d.offset)
	return nil
}

func fdTell(c *call) error {
	d, err := c.fdWith(c.u32(0), rightFdTell)
	if err != nil {
		return err
	}
	out, err := c.mem.place(c.p[1], 8)
	if err != nil {
		return err
	}
	if d.kind != typeRegular {
		return errSpipe
	}
	put64(out, d.offset)
	return nil
}
