package filesystem

import (
	"context"
	"io/fs"
	"math"
	"time"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// infoAt returns what is known of the object at path.
func (d *descriptor) infoAt(flags wasifs.PathFlags, path string) (fs.FileInfo, error) {
	f, err := d.folderFor(path)
	if err != nil {
		return nil, err
	}
	if flags&wasifs.PathFlagsSymlinkFollow != 0 {
		return f.root.Stat(path)
	}
	return f.root.Lstat(path)
}

// StatAt implements wasi:filesystem.
func (d *descriptor) StatAt(_ context.Context, flags wasifs.PathFlags, path string) (wasifs.DescriptorStat, error) {
	fi, err := d.infoAt(flags, path)
	if err != nil {
		return wasifs.DescriptorStat{}, result(err)
	}
	return statOf(fi), nil
}

// MetadataHashAt implements wasi:filesystem, see MetadataHash.
func (d *descriptor) MetadataHashAt(_ context.Context, flags wasifs.PathFlags, path string) (wasifs.MetadataHashValue, error) {
	fi, err := d.infoAt(flags, path)
	if err != nil {
		return wasifs.MetadataHashValue{}, result(err)
	}
	return d.sys.hash(fi), nil
}

// setTime converts what a guest wants a time to be; the zero time leaves it.
func (s *System) setTime(n wasifs.NewTimestamp) (time.Time, error) {
	switch n.Case {
	case wasifs.NewTimestampCaseNow:
		return s.now(), nil
	case wasifs.NewTimestampCaseTimestamp:
		at := n.Timestamp
		if at.Seconds > math.MaxInt64 || at.Nanoseconds >= 1e9 {
			return time.Time{}, errInvalid
		}
		return time.Unix(int64(at.Seconds), int64(at.Nanoseconds)), nil
	}
	return time.Time{}, nil
}

// times returns what setFileTimes and its like set.
type times func() (access, modification time.Time, err error)

func (s *System) times(access, modification wasifs.NewTimestamp) times {
	return func() (a, m time.Time, err error) {
		if a, err = s.setTime(access); err == nil {
			m, err = s.setTime(modification)
		}
		return a, m, err
	}
}

// SetTimes implements wasi:filesystem.
func (d *descriptor) SetTimes(_ context.Context, access, modification wasifs.NewTimestamp) error {
	return result(d.setTimes(d.sys.times(access, modification)))
}

func (d *descriptor) setTimes(times times) error {
	f, err := d.osFile()
	if err != nil {
		return err
	}
	if d.readOnly || d.dir != nil && !d.has(wasifs.DescriptorFlagsMutateDirectory) {
		return errReadOnly
	}
	a, m, err := times()
	if err != nil {
		return err
	}
	return setFileTimes(f, a, m)
}

// SetTimesAt implements wasi:filesystem.
func (d *descriptor) SetTimesAt(_ context.Context, flags wasifs.PathFlags, path string, access, modification wasifs.NewTimestamp) error {
	return result(d.setTimesAt(flags, path, d.sys.times(access, modification)))
}

func (d *descriptor) setTimesAt(flags wasifs.PathFlags, path string, times times) error {
	f, err := d.mutable(path)
	if err != nil {
		return err
	}
	a, m, err := times()
	if err != nil {
		return err
	}
	if _, _, slash := splitLast(path); slash || flags&wasifs.PathFlagsSymlinkFollow != 0 {
		return f.root.Chtimes(path, a, m)
	}
	return f.at(path, func(p place) error { return p.setTimes(a, m) })
}
