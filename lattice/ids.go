package lattice

import (
	"strings"

	"github.com/oklog/ulid/v2"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
)

// ClusterID identifies a lattice for all time. It is made once, at bootstrap.
type ClusterID string

// HostID identifies a host. A host keeps its id across restarts; ids are never
// reused.
type HostID string

// EpochID identifies one run of a host's process.
type EpochID string

// RequestID makes the repetition of a write safe: the same id has its effect
// once.
type RequestID string

// InvocationID identifies one invocation of a function.
type InvocationID string

// NewClusterID returns a fresh id.
func NewClusterID() ClusterID { return ClusterID(ulid.Make().String()) }

// NewHostID returns a fresh id.
func NewHostID() HostID { return HostID(ulid.Make().String()) }

// NewEpochID returns a fresh id.
func NewEpochID() EpochID { return EpochID(ulid.Make().String()) }

// NewRequestID returns a fresh id.
func NewRequestID() RequestID { return RequestID(ulid.Make().String()) }

// NewInvocationID returns a fresh id.
func NewInvocationID() InvocationID { return InvocationID(ulid.Make().String()) }

// Validate reports whether id is a ULID.
func (id ClusterID) Validate() error { return validULID("cluster id", string(id)) }

// Validate reports whether id is a ULID.
func (id HostID) Validate() error { return validULID("host id", string(id)) }

func validULID(what, s string) error {
	if _, err := ulid.ParseStrict(s); err != nil || strings.ToUpper(s) != s {
		return errcode.New(errcode.Invalid, "%s %q is not a ULID", what, s)
	}
	return nil
}

// ValidName reports whether s may name a lattice, component, provider, link,
// config or application: 1 to 63 letters, digits, '-' and '_', beginning and
// ending with a letter or digit. The error says what is wrong; what names the
// thing in it ("component").
func ValidName(what, s string) error { return linkstate.ValidName(what, s) }
