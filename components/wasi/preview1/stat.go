package preview1

import (
	"math"

	"latticework/components/wasi/bindings/wasiclocks"
	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/wit/abi"
)

// device is the number of the one device that guests see: the number of an
// object is different on each of the host's.
const device = 1

// putStat stores the attributes of an object.
func putStat(b []byte, st *wasifs.DescriptorStat, hash wasifs.MetadataHashValue) {
	clear(b)
	put64(b, device)
	put64(b[8:], hash.Lower)
	b[16] = fileType(st.Type)
	put64(b[24:], st.LinkCount)
	put64(b[32:], st.Size)
	put64(b[40:], nanoseconds(st.DataAccessTimestamp))
	put64(b[48:], nanoseconds(st.DataModificationTimestamp))
	put64(b[56:], nanoseconds(st.StatusChangeTimestamp))
}

// nanoseconds returns a time since 1970, 0 for one that is not known.
func nanoseconds(t abi.Option[wasiclocks.Datetime]) uint64 {
	if !t.Some || t.Value.Seconds > math.MaxInt64/1_000_000_000 {
		return 0
	}
	return t.Value.Seconds*1e9 + uint64(t.Value.Nanoseconds)
}

func fdFilestatGet(c *call) error {
	d, err := c.fdWith(c.u32(0), rightFdFilestatGet)
	if err != nil {
		return err
	}
	b, err := c.mem.place(c.p[1], 64)
	if err != nil {
		return err
	}
	if d.file == nil {
		clear(b)
		b[16] = d.kind
		return nil
	}
	st, err := d.file.Stat(c.ctx())
	if err != nil {
		return err
	}
	hash, err := d.file.MetadataHash(c.ctx())
	if err != nil {
		return err
	}
	putStat(b, &st, hash)
	return nil
}

func pathFilestatGet(c *call) error {
	d, err := c.fdWith(c.u32(0), rightPathFilestatGet)
	if err != nil {
		return err
	}
	path, err := c.mem.text(c.p[2], c.p[3])
	if err != nil {
		return err
	}
	b, err := c.mem.place(c.p[4], 64)
	if err != nil {
		return err
	}
	st, err := d.file.StatAt(c.ctx(), follow(c.u32(1)), path)
	if err != nil {
		return err
	}
	hash, err := d.file.MetadataHashAt(c.ctx(), follow(c.u32(1)), path)
	if err != nil {
		return err
	}
	putStat(b, &st, hash)
	return nil
}

// follow converts look-up flags.
func follow(flags uint32) wasifs.PathFlags {
	return wasifs.PathFlags(flags) & wasifs.PathFlagsSymlinkFollow
}

func fdFilestatSetSize(c *call) error {
	d, err := c.fdWith(c.u32(0), rightFdFilestatSetSize)
	if err != nil {
		return err
	}
	return d.file.SetSize(c.ctx(), c.p[1])
}

func fdFilestatSetTimes(c *call) error {
	d, err := c.fdWith(c.u32(0), rightFdFilestatSetTimes)
	if err != nil {
		return err
	}
	access, modification, err := newTimes(c.p[1], c.p[2], c.u32(3))
	if err != nil {
		return err
	}
	return d.file.SetTimes(c.ctx(), access, modification)
}

func pathFilestatSetTimes(c *call) error {
	d, err := c.fdWith(c.u32(0), rightPathFilestatSetTimes)
	if err != nil {
		return err
	}
	path, err := c.mem.text(c.p[2], c.p[3])
	if err != nil {
		return err
	}
	access, modification, err := newTimes(c.p[4], c.p[5], c.u32(6))
	if err != nil {
		return err
	}
	return d.file.SetTimesAt(c.ctx(), follow(c.u32(1)), path, access, modification)
}

// The flags of what times are set.
const (
	setAccess = 1 << iota
	setAccessNow
	setModification
	setModificationNow
)

// newTimes says what the times of access and modification become.
func newTimes(access, modification uint64, flags uint32) (a, m wasifs.NewTimestamp, err error) {
	if flags >= setModificationNow<<1 {
		return a, m, errInval
	}
	if a, err = newTime(access, flags&setAccess != 0, flags&setAccessNow != 0); err == nil {
		m, err = newTime(modification, flags&setModification != 0, flags&setModificationNow != 0)
	}
	return a, m, err
}

func newTime(ns uint64, set, now bool) (t wasifs.NewTimestamp, err error) {
	switch {
	case set && now:
		return t, errInval
	case set:
		t.Case = wasifs.NewTimestampCaseTimestamp
		t.Timestamp = wasiclocks.Datetime{Seconds: ns / 1e9, Nanoseconds: uint32(ns % 1e9)}
	case now:
		t.Case = wasifs.NewTimestampCaseNow
	}
	return t, nil
}
