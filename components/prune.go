package components

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What the cache folder keeps. Nobody notes when a file is used, which would cost
// each start: age counts from when it was written, and what is missed is made
// again.
const (
	// rewrittenAge is how old a file of another build, or an unfinished one, becomes.
	rewrittenAge = 7 * 24 * time.Hour
	// keptAge is how old any other file becomes.
	keptAge = 90 * 24 * time.Hour
	// cacheBytes is how much all take together; beyond it the oldest go, until they
	// take three quarters of it.
	cacheBytes = 8 << 30
	// pruneEvery is how often a process looks.
	pruneEvery = time.Hour
)

// cacheFile is a file in the cache folder.
type cacheFile struct {
	path    string
	written time.Time
	bytes   int64
}

// prune bounds what the cache folder holds: files by their age, and all of them
// by what they take, at most limit bytes. Files that are none of the folder's
// stay, as does what cannot be removed.
func (r *rewritten) prune(now time.Time, limit int64) {
	var files []cacheFile
	total := int64(0)
	for _, f := range r.files() {
		age := keptAge
		if r.foreign(filepath.Base(f.path)) {
			age = rewrittenAge
		}
		if now.Sub(f.written) > age && os.Remove(f.path) == nil {
			continue
		}
		total += f.bytes
		files = append(files, f)
	}
	if total <= limit {
		return
	}
	slices.SortFunc(files, func(a, b cacheFile) int { return cmp.Or(a.written.Compare(b.written), cmp.Compare(a.path, b.path)) })
	for _, f := range files {
		if total <= limit/4*3 {
			return
		}
		if os.Remove(f.path) == nil {
			total -= f.bytes
		}
	}
}

// files lists what the program and the engine left in the folder.
func (r *rewritten) files() []cacheFile {
	entries, _ := os.ReadDir(r.dir) // what is there of one that cannot be read to its end
	var files []cacheFile
	for _, e := range entries {
		switch {
		case e.IsDir() && strings.HasPrefix(e.Name(), "wazero-"):
			dir := filepath.Join(r.dir, e.Name())
			code, _ := os.ReadDir(dir)
			for _, c := range code {
				files = appendFile(files, dir, c)
			}
		case slices.ContainsFunc(cachePrefixes[:], func(p string) bool { return strings.HasPrefix(e.Name(), p) }):
			files = appendFile(files, r.dir, e)
		}
	}
	return files
}

// appendFile appends e, of folder dir, if it is a file.
func appendFile(files []cacheFile, dir string, e os.DirEntry) []cacheFile {
	info, err := e.Info()
	if err != nil || !info.Mode().IsRegular() {
		return files
	}
	return append(files, cacheFile{filepath.Join(dir, e.Name()), info.ModTime(), info.Size()})
}

// cachePrefixes are how the names of files in the folder begin, of builds before
// this one as well.
var cachePrefixes = [...]string{rewrittenPrefix, knownPrefix, unfinishedPrefix, earlierPrefix}

// earlierPrefix begins the names of marks that builds before this one made.
const earlierPrefix = "compiled-"

// foreign reports whether the file name is of another build or of none.
func (r *rewritten) foreign(name string) bool {
	for _, prefix := range [...]string{rewrittenPrefix, knownPrefix} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return !strings.HasPrefix(rest, r.build+"-")
		}
	}
	for _, prefix := range [...]string{unfinishedPrefix, earlierPrefix} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.HasSuffix(name, unfinishedSuffix)
}
