package components

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"latticework/components/internal/corewasm"
)

// rewritten keeps core modules as the engine gets them in its cache folder, in
// their bare form: rewriting the engine of a JavaScript guest takes a hundred
// milliseconds. The files are of one build of the program each, and end with a
// checksum. Beside them are the marks of components that were compiled: empty
// files that say that a component is valid.
type rewritten struct {
	dir, build string
	forgetful  bool         // Get and knows find nothing
	pruned     atomic.Int64 // when the folder was pruned last, in ns since 1970; 0 for never
}

var (
	_      corewasm.Store = (*rewritten)(nil)
	sealed                = crc32.MakeTable(crc32.Castagnoli)
)

// How the names of files in the cache folder begin; of the first two the build
// and a digest follow.
const (
	rewrittenPrefix  = "rewritten-"
	knownPrefix      = "known-"
	unfinishedPrefix = "new-"
)

// anew returns r without what it holds: it only takes.
func (r *rewritten) anew() *rewritten {
	return &rewritten{dir: r.dir, build: r.build, forgetful: true}
}

// knows reports whether the component with a digest was compiled before.
func (r *rewritten) knows(digest [sha256.Size]byte) bool {
	if r.forgetful {
		return false
	}
	_, err := os.Stat(r.path(knownPrefix, digest))
	return err == nil
}

// know notes that the component with a digest is valid, if it can.
func (r *rewritten) know(digest [sha256.Size]byte) {
	_ = os.WriteFile(r.path(knownPrefix, digest), nil, 0o600)
}

func (r *rewritten) path(prefix string, key [sha256.Size]byte) string {
	return filepath.Join(r.dir, prefix+r.build+"-"+hex.EncodeToString(key[:]))
}

// Get implements [corewasm.Store]. What is damaged is not there.
func (r *rewritten) Get(key [sha256.Size]byte) []byte {
	if r.forgetful {
		return nil
	}
	data, err := os.ReadFile(r.path(rewrittenPrefix, key))
	n := len(data) - 4
	if err != nil || n < 0 || crc32.Checksum(data[:n], sealed) != binary.LittleEndian.Uint32(data[n:]) {
		return nil
	}
	return data[:n]
}

// Put implements [corewasm.Store]. Without room on the disk nothing is stored.
// The first of a process bounds the folder, and one an hour after that.
func (r *rewritten) Put(key [sha256.Size]byte, data []byte) {
	now, last := time.Now(), r.pruned.Load()
	if now.UnixNano()-last >= int64(pruneEvery) && r.pruned.CompareAndSwap(last, now.UnixNano()) {
		r.prune(now, cacheBytes)
	}
	f, err := os.CreateTemp(r.dir, unfinishedPrefix)
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
		err = os.Rename(f.Name(), r.path(rewrittenPrefix, key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}
