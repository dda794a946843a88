package filesystem

import (
	"encoding/binary"
	"hash/maphash"
	"io/fs"
	"time"

	"latticework/components/wasi/bindings/wasiclocks"
	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/clocks"
	"latticework/wit/abi"
)

// typeOf returns the descriptor type for a mode.
func typeOf(m fs.FileMode) wasifs.DescriptorType {
	switch {
	case m.IsRegular():
		return wasifs.DescriptorTypeRegularFile
	case m.IsDir():
		return wasifs.DescriptorTypeDirectory
	case m&fs.ModeSymlink != 0:
		return wasifs.DescriptorTypeSymbolicLink
	case m&fs.ModeNamedPipe != 0:
		return wasifs.DescriptorTypeFifo
	case m&fs.ModeSocket != 0:
		return wasifs.DescriptorTypeSocket
	case m&fs.ModeCharDevice != 0:
		return wasifs.DescriptorTypeCharacterDevice
	case m&fs.ModeDevice != 0:
		return wasifs.DescriptorTypeBlockDevice
	}
	return wasifs.DescriptorTypeUnknown
}

// extra is what the system knows of an object beyond [fs.FileInfo].
type extra struct {
	links          uint64
	access, change time.Time // zero if not known
	device, inode  uint64
}

func timestamp(t time.Time) abi.Option[wasiclocks.Datetime] {
	if t.IsZero() {
		return abi.None[wasiclocks.Datetime]()
	}
	return abi.Some(clocks.ToDatetime(t))
}

// statOf returns the attributes in fi.
func statOf(fi fs.FileInfo) wasifs.DescriptorStat {
	x := extraOf(fi)
	return wasifs.DescriptorStat{
		Type:                      typeOf(fi.Mode()),
		LinkCount:                 x.links,
		Size:                      uint64(max(fi.Size(), 0)),
		DataAccessTimestamp:       timestamp(x.access),
		DataModificationTimestamp: timestamp(fi.ModTime()),
		StatusChangeTimestamp:     timestamp(x.change),
	}
}

// hash returns the secret hash of an object's identity.
func (s *System) hash(fi fs.FileInfo) wasifs.MetadataHashValue {
	x := extraOf(fi)
	var b []byte
	b = binary.LittleEndian.AppendUint64(b, x.device)
	b = binary.LittleEndian.AppendUint64(b, x.inode)
	if x.inode == 0 {
		b = append(b, fi.Name()...)
	}
	return wasifs.MetadataHashValue{
		Lower: maphash.Bytes(s.seeds[0], b),
		Upper: maphash.Bytes(s.seeds[1], b),
	}
}
