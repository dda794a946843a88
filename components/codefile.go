package components

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// checkCode empties the cache folder if it holds compiled code whose counts do
// not fit into its file: the engine would allocate what they say. Code of other
// versions of the engine, which it does not read, is not looked at, nor is what
// another process has not written to its end yet. It takes 10 µs a file.
//
// Errors: those of emptyCache.
func checkCode(dir string) error {
	files, _ := filepath.Glob(filepath.Join(dir, "wazero-"+engineVersion()+"-"+runtime.GOARCH+"-"+runtime.GOOS, "*"))
	for _, path := range files {
		if strings.HasSuffix(path, unfinishedSuffix) {
			continue
		}
		if f, err := os.Open(path); err == nil {
			lies := codeFileLies(f)
			_ = f.Close()
			if lies {
				return emptyCache(dir)
			}
		}
	}
	return nil
}

// unknownEngine is the version of the engine in a build that does not tell it.
const unknownEngine = "dev"

// engineVersion is what wazero calls its version in the cache folder.
func engineVersion() string {
	if info, ok := buildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/tetratelabs/wazero" {
				return dep.Version
			}
		}
	}
	return unknownEngine
}

// codeMagic begins a file of compiled code; the length of a version, and the
// version, follow.
const codeMagic = "WAZEVO"

// codeFileLies reports whether f, a file of compiled code, states more
// functions, code, places in the source or clauses than it has bytes for. What
// is not a whole file otherwise the engine notices itself.
func codeFileLies(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	c := codeFile{r: bufio.NewReader(f), f: f, left: info.Size()}
	if string(c.bytes(len(codeMagic))) != codeMagic {
		return false
	}
	c.skip(int64(c.number(1)))
	functions := c.number(4)
	c.room(functions, 8)
	c.skip(8 * int64(functions))
	code := c.number(8)
	c.room(code, 1)
	c.skip(int64(code))
	if code > 0 {
		c.skip(4) // the code's checksum
	}
	if places := c.number(1); places == 1 {
		n := c.number(8)
		c.room(n, 16)
		c.skip(16 * int64(n))
		c.lies = c.lies || code == 0
	}
	tables := c.number(4)
	c.room(tables, 4)
	for range tables {
		n := c.number(4)
		c.room(n, 5)
		if c.lies || c.ended {
			break
		}
		c.skip(5 * int64(n))
	}
	return c.lies
}

// codeFile is a file of compiled code while it is looked at.
type codeFile struct {
	r     *bufio.Reader
	f     *os.File
	left  int64 // bytes that were not read yet
	ended bool  // there were fewer bytes than there should be
	lies  bool
}

func (c *codeFile) bytes(n int) []byte {
	b := make([]byte, n)
	if c.lies || c.ended {
		return b
	}
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.ended = true
		return make([]byte, n)
	}
	c.left -= int64(n)
	return b
}

// number reads a number of n bytes, 0 after the end.
func (c *codeFile) number(n int) uint64 {
	var b [8]byte
	copy(b[:], c.bytes(n))
	return binary.LittleEndian.Uint64(b[:])
}

// room checks that n things of size bytes can follow.
func (c *codeFile) room(n uint64, size int64) {
	c.lies = c.lies || n > uint64(max(c.left, 0)/size)
}

// skip goes n bytes on, without reading them if they are many.
func (c *codeFile) skip(n int64) {
	if c.lies || c.ended {
		return
	}
	buffered := min(int64(c.r.Buffered()), n)
	if _, err := c.r.Discard(int(buffered)); err != nil {
		c.ended = true
	}
	if rest := n - buffered; rest > 0 {
		if _, err := c.f.Seek(rest, io.SeekCurrent); err != nil {
			c.ended = true
		}
		c.r.Reset(c.f)
	}
	c.left -= n
	c.ended = c.ended || c.left < 0
}
