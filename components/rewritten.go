package components

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"time"

	"latticework/components/internal/corewasm"
)

// rewritten keeps core modules as the engine gets them in its cache folder:
// rewriting the engine of a JavaScript guest takes a hundred milliseconds. The
// files are of one build of the program each, and end with a checksum.
type rewritten struct{ dir, build string }

var (
	_      corewasm.Store = (*rewritten)(nil)
	sealed                = crc32.MakeTable(crc32.Castagnoli)
)

// rewrittenPrefix begins the files' names; the build and the key follow.
const rewrittenPrefix = "rewritten-"

// rewrittenAge is how old a file of another build becomes.
const rewrittenAge = 7 * 24 * time.Hour

func (r *rewritten) path(key [sha256.Size]byte) string {
	return filepath.Join(r.dir, rewrittenPrefix+r.build+"-"+hex.EncodeToString(key[:]))
}

// Get implements [corewasm.Store]. What is damaged is not there.
func (r *rewritten) Get(key [sha256.Size]byte) []byte {
	data, err := os.ReadFile(r.path(key))
	n := len(data) - 4
	if err != nil || n < 0 || crc32.Checksum(data[:n], sealed) != binary.LittleEndian.Uint32(data[n:]) {
		return nil
	}
	return data[:n]
}

// Put implements [corewasm.Store]. Without room on the disk nothing is stored.
func (r *rewritten) Put(key [sha256.Size]byte, data []byte) {
	r.prune()
	f, err := os.CreateTemp(r.dir, "new-")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if err == nil {
		_, err = f.Write(binary.LittleEndian.AppendUint32(nil, crc32.Checksum(data, sealed)))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), r.path(key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}

// prune removes what other builds stored long ago.
func (r *rewritten) prune() {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), rewrittenPrefix) || strings.HasPrefix(e.Name(), rewrittenPrefix+r.build+"-") {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > rewrittenAge {
			_ = os.Remove(filepath.Join(r.dir, e.Name()))
		}
	}
}
