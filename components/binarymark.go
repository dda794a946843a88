package components

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
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
	return markOf(f, path, func() string {
		if info, ok := buildInfo(); ok {
			return info.String()
		}
		return ""
	})
}

// markHead is how much of its beginning a mark depends on: on most systems the
// linker puts a digest of the whole build there.
const markHead = 4 << 10

// markOf returns the mark of the program in f, which was started as path and
// whose versions made states; they are asked for only where no digest is seen.
// Path, size and time alone would not do: builds are often as long as each
// other, and images are made with one time for all files.
func markOf(f *os.File, path string, made func() string) string {
	info, err := f.Stat()
	if err != nil {
		return unknownBinary
	}
	var room [markHead]byte
	n, err := io.ReadFull(f, room[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return unknownBinary
	}
	head, versions := room[:n], ""
	if !hasBuildID(head) {
		versions = made()
	}
	h := sha256.New()
	h.Write(head)
	fmt.Fprintf(h, "%q %d %d %s", path, info.Size(), info.ModTime().UnixNano(), versions)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// hasBuildID reports whether head, with which a program in ELF begins, holds the
// note with the linker's digest: its length, the kind 4 and the name "Go".
func hasBuildID(head []byte) bool {
	i := bytes.Index(head, []byte("\x04\x00\x00\x00Go\x00\x00"))
	return i >= 4 && binary.LittleEndian.Uint32(head[i-4:]) > 0
}
