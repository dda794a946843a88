package grant

import (
	"strings"

	"latticework/internal/errcode"
)

// Dir is a folder of the host under a guest path.
type Dir struct {
	Host, Guest string
	ReadOnly    bool
}

// ParseDir reads HOST::GUEST or HOST::GUEST:ro; HOST alone stands under the
// same path.
//
// Errors: invalid.
func ParseDir(text string) (Dir, error) {
	rest, readOnly := strings.CutSuffix(text, ":ro")
	rest = strings.TrimSuffix(rest, ":rw")
	host, guest, mapped := strings.Cut(rest, "::")
	if !mapped {
		guest = host
	}
	if host == "" || guest == "" || strings.IndexByte(text, 0) >= 0 {
		return Dir{}, errcode.New(errcode.Invalid, "folder %q: want HOST::GUEST or HOST::GUEST:ro", text).
			WithNext("write for example .::/work")
	}
	return Dir{Host: host, Guest: guest, ReadOnly: readOnly}, nil
}

// String returns what ParseDir reads.
func (d Dir) String() string {
	s := d.Host + "::" + d.Guest
	if d.ReadOnly {
		s += ":ro"
	}
	return s
}
