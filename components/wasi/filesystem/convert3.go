package filesystem

import (
	"io/fs"
	"time"

	"latticework/components/wasi/bindings/wasiclocks3"
	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	wasifs3 "latticework/components/wasi/bindings/wasifilesystem3"
	"latticework/components/wasi/clocks"
	"latticework/wit/abi"
)

// code3 returns the code of WASI 0.3, which has the same in the same order,
// but for would-block.
func code3(c wasifs.ErrorCode) wasifs3.ErrorCode {
	switch {
	case c == wasifs.ErrorCodeWouldBlock:
		return wasifs3.ErrorCodeOther(abi.Some(c.String()))
	case c > wasifs.ErrorCodeWouldBlock:
		c--
	}
	return wasifs3.ErrorCode{Case: wasifs3.ErrorCodeCase(c)}
}

// errorCode3 is [codeOf] for WASI 0.3.
func errorCode3(err error) wasifs3.ErrorCode { return code3(codeOf(err)) }

// type3 returns the type of WASI 0.3, which has the same in the same order
// after the unknown one.
func type3(t wasifs.DescriptorType) wasifs3.DescriptorType {
	if t == wasifs.DescriptorTypeUnknown {
		return wasifs3.DescriptorTypeOther(abi.None[string]())
	}
	return wasifs3.DescriptorType{Case: wasifs3.DescriptorTypeCase(t - wasifs.DescriptorTypeBlockDevice)}
}

func instant(t time.Time) abi.Option[wasiclocks3.Instant] {
	if t.IsZero() {
		return abi.None[wasiclocks3.Instant]()
	}
	return abi.Some(clocks.ToInstant(t))
}

// stat3 is [statOf] for WASI 0.3.
func stat3(fi fs.FileInfo) wasifs3.DescriptorStat {
	x := extraOf(fi)
	return wasifs3.DescriptorStat{
		Type:                      type3(typeOf(fi.Mode())),
		LinkCount:                 x.links,
		Size:                      uint64(max(fi.Size(), 0)),
		DataAccessTimestamp:       instant(x.access),
		DataModificationTimestamp: instant(fi.ModTime()),
		StatusChangeTimestamp:     instant(x.change),
	}
}

// times3 is [System.times] for WASI 0.3.
func (s *System) times3(access, modification wasifs3.NewTimestamp) times {
	return func() (a, m time.Time, err error) {
		if a, err = s.setTime3(access); err == nil {
			m, err = s.setTime3(modification)
		}
		return a, m, err
	}
}

func (s *System) setTime3(n wasifs3.NewTimestamp) (time.Time, error) {
	switch n.Case {
	case wasifs3.NewTimestampCaseNow:
		return s.now(), nil
	case wasifs3.NewTimestampCaseTimestamp:
		if n.Timestamp.Nanoseconds >= 1e9 {
			return time.Time{}, errInvalid
		}
		return time.Unix(n.Timestamp.Seconds, int64(n.Timestamp.Nanoseconds)), nil
	}
	return time.Time{}, nil
}
