package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/manifest"
	"latticework/lattice/linkstate"
)

// limitFlags bound a program, as they were written. Time is --timeout.
type limitFlags struct{ memory, stackBytes, valueBytes, handles, threads, fuel string }

const limitsLong = `
Limits, with the names and ranges that latticework.limits of a manifest has:
  --memory AMOUNT        linear memory, 64KiB to 4GiB
  --timeout TIME         its time
  --stack-bytes AMOUNT   stack of calls inside one another, 64KiB to 32MiB
  --value-bytes AMOUNT   strings and lists taken from it by one call, 1KiB to 1GiB
  --fuel NUMBER          instructions, about
  --threads NUMBER       async calls and threads under way, to 65536
  --handles NUMBER       resource handles open at once, to 1048576
An AMOUNT is bytes, or a number with KiB, MiB or GiB. A program that goes beyond
one ends with exit status 7, of time with 6; memory it is refused.
`

func (f *limitFlags) define(c *cobra.Command) {
	for _, l := range []struct {
		to          *string
		name, usage string
		values      []string
	}{
		{&f.memory, "memory", "bound of the program's memory, such as 64MiB (default 256MiB)", []string{"64MiB", "256MiB", "1GiB", "4GiB"}},
		{&f.stackBytes, "stack-bytes", "bound of the stack of calls inside one another (default 8MiB)", []string{"1MiB", "8MiB", "32MiB"}},
		{&f.valueBytes, "value-bytes", "bound of strings and lists that one call takes from the program (default 32MiB)", []string{"1MiB", "32MiB", "1GiB"}},
		{&f.fuel, "fuel", "bound of instructions, about (default: its time alone bounds it)", []string{"1000000", "1000000000"}},
		{&f.threads, "threads", "bound of async calls and threads under way at once (default 1000)", []string{"100", "1000", "10000"}},
		{&f.handles, "handles", "bound of resource handles open at once (default 65536)", []string{"1000", "65536"}},
	} {
		c.Flags().StringVar(l.to, l.name, "", l.usage)
		_ = c.RegisterFlagCompletionFunc(l.name, fixed(l.values...))
	}
}

// limits reads the flags; what is not given is 0.
//
// Errors: errcode.Invalid that names each flag that is wrong.
func (f *limitFlags) limits() (components.Limits, error) {
	var errs []error
	amount := func(flag, text string, low, high int64) uint64 {
		if text == "" {
			return 0
		}
		n, err := manifest.ParseBytes(text, low, high)
		if err != nil {
			errs = append(errs, errcode.New(errcode.Invalid, "--%s: %w", flag, err).WithNext("write for example --%s 16MiB", flag))
		}
		return uint64(n)
	}
	number := func(flag, text string, high int64) int64 {
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > high {
			errs = append(errs, errcode.New(errcode.Invalid, "--%s: %q is not a number from 1 to %d", flag, text, high).
				WithNext("write for example --%s 1000", flag))
		}
		return n
	}
	l := components.Limits{
		MemoryBytes: amount("memory", f.memory, manifest.MinMemory, manifest.MaxMemory),
		StackBytes:  amount("stack-bytes", f.stackBytes, manifest.MinStackBytes, manifest.MaxStackBytes),
		ValueBytes:  amount("value-bytes", f.valueBytes, manifest.MinValueBytes, manifest.MaxValueBytes),
		Fuel:        uint64(number("fuel", f.fuel, manifest.MaxFuel)),
		Threads:     int(number("threads", f.threads, manifest.MaxThreads)),
		Handles:     int(number("handles", f.handles, manifest.MaxHandles)),
	}
	return l, errors.Join(errs...)
}

// raise returns the next step after a limit ended a program, "" for other
// errors.
func raise(err error) string {
	limit, ok := components.LimitOf(err)
	if !ok {
		return ""
	}
	return fmt.Sprintf("give it more with --%s", strings.ReplaceAll(string(limit), "_", "-"))
}

// raised is err with the next step after a limit, if it is one that was hit.
func raised(err error) error {
	if next := raise(err); next != "" {
		return errcode.New(errcode.Of(err), "%w", err).WithNext("%s", next)
	}
	return err
}

// printLimits writes the limits that a component states, in the manifest's
// words.
func printLimits(w io.Writer, l linkstate.Limits) {
	_, _ = fmt.Fprintln(w, "\nlimits")
	bytes := func(n uint64) string { return manifest.BytesText(int64(n)) }
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	millis := func(n uint64) string { return (time.Duration(n) * time.Millisecond).String() }
	stated := false
	for _, v := range []struct {
		name string
		n    uint64
		text func(uint64) string
	}{
		{"memory", l.MemoryBytes, bytes}, {"time", uint64(l.TimeoutMillis), millis}, {"stack_bytes", l.StackBytes, bytes},
		{"value_bytes", l.ValueBytes, bytes}, {"fuel", l.Fuel, number}, {"threads", uint64(l.Threads), number},
		{"instances", uint64(l.MaxInstances), number}, {"handles", uint64(l.Handles), number}, {"open_files", uint64(l.OpenFiles), number}, {"sockets", uint64(l.Sockets), number},
		{"buffered_bytes", uint64(l.BufferedBytes), bytes}, {"headers", uint64(l.Headers), number},
		{"header_bytes", uint64(l.HeaderBytes), bytes}, {"outgoing_requests", uint64(l.OutgoingRequests), number},
	} {
		if v.n > 0 {
			stated = true
			_, _ = fmt.Fprintf(w, "  %s %s\n", v.name, v.text(v.n))
		}
	}
	if !stated {
		_, _ = fmt.Fprintln(w, "  the host's defaults")
	}
}
