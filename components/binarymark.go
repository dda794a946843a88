package components

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
)

// buildInfo is debug.ReadBuildInfo, which parses a text each time.
var buildInfo = sync.OnceValues(debug.ReadBuildInfo)

// unknownBinary is the mark of a build that cannot be told from others.
const unknownBinary = "unknown"

// binaryMark tells one build of this program from another. What one build left
// in the cache folder another must not take for its own: it may rewrite and
// validate otherwise.
func binaryMark() string {
	path, err := os.Executable()
	if err != nil {
		return unknownBinary
	}
	f, err := os.Open("/proc/self/exe") // on Linux what runs, though path may be another by now
	if err != nil {
		f, err = os.Open(path)
	}
	if err != nil {
		return unknownBinary
	}
	defer f.Close()
	made := ""
	if info, ok := buildInfo(); ok {
		made = info.String()
	}
	return markOf(f, path, made)
}

// markHead is how much of its beginning a mark depends on: the linker puts a
// digest of the whole build there.
const markHead = 4 << 10

// markOf returns the mark of the program in f, which was started as path and
// whose versions made states. Path, size and time alone would not do: builds are
// often as long as each other, and images are made with one time for all files.
func markOf(f *os.File, path, made string) string {
	info, err := f.Stat()
	if err != nil {
		return unknownBinary
	}
	h := sha256.New()
	if _, err := io.CopyN(h, f, markHead); err != nil && err != io.EOF {
		return unknownBinary
	}
	fmt.Fprintf(h, "%q %d %d %s", path, info.Size(), info.ModTime().UnixNano(), made)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
