package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"latticework/internal/errcode"
)

// Bounds of a manifest. What is above them is refused, with both numbers.
const (
	MaxBytes     = 1 << 20 // of a manifest
	MaxInstances = 10_000  // of one part
	MaxParts     = 1_000   // components and capabilities of an application
	maxProblems  = 100     // described; the rest is counted
	maxTraits    = 1_000   // of one part

	// As in link state, which would refuse more of them later.
	maxInterfaces  = 64 // of one link
	maxConfigNames = 16 // of a part, or of one end of a link
	maxProperties  = 64 // of a config, also of annotations
	maxLabels      = 32 // also of a spread's requirements
	maxSpreads     = 16

	maxValues   = 100_000  // YAML values read, aliases counted at each use
	maxName     = 63       // bytes of a name
	maxText     = 4_096    // bytes of any other text
	maxValue    = 16 << 10 // bytes of the value of a config's property, such as certificates
	minTime     = time.Millisecond
	maxTime     = time.Hour
	maxRequests = 1_000_000_000
	maxGrants   = 256 // of one component

	// The ranges of a component's limits.
	maxAtOnce      = 100_000
	maxOpenFiles   = 1 << 16
	maxSockets     = 1 << 16
	minBuffered    = 64 << 10
	maxBuffered    = 4 << 20
	maxHeaders     = 1 << 14
	minHeaderBytes = 1 << 10
	maxHeaderBytes = 1 << 20
	maxOutgoing    = 1 << 16
	maxSpreadPart  = 100 // weight of one spread
)

// The ranges of the limits that programs can be given as well; those without a
// least begin at 1.
const (
	MinMemory     int64 = 64 << 10
	MaxMemory     int64 = 4 << 30
	MinStackBytes int64 = 64 << 10
	MaxStackBytes int64 = 32 << 20
	MinValueBytes int64 = 1 << 10
	MaxValueBytes int64 = 1 << 30
	MaxHandles    int64 = 1 << 20
	MaxThreads    int64 = 1 << 16
	MaxFuel       int64 = 1_000_000_000_000_000_000
)

// ParseBytes reads an amount such as 64MiB, or a number of bytes, within [low,
// high].
//
// Errors: errcode.Invalid, with both sides where it is out of range.
func ParseBytes(text string, low, high int64) (int64, error) {
	digits, unit := text, int64(1)
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		if rest, found := strings.CutSuffix(text, u.suffix); found {
			digits, unit = strings.TrimSpace(rest), u.bytes
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil || n < 0:
		return 0, errcode.New(errcode.Invalid, "%q is no amount of memory", text).WithNext("write bytes, or a number with KiB, MiB or GiB")
	case n > high/unit:
		return 0, errcode.New(errcode.Invalid, "%s > %s", text, BytesText(high))
	case n*unit < low:
		return 0, errcode.New(errcode.Invalid, "%s < %s", text, BytesText(low))
	}
	return n * unit, nil
}

// BytesText writes n as [ParseBytes] reads it, in the largest unit of which it
// is a whole number.
func BytesText(n int64) string {
	switch {
	case n%(1<<30) == 0:
		return fmt.Sprintf("%dGiB", n>>30)
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", n>>10)
	}
	return strconv.FormatInt(n, 10)
}
