package filesystem

import (
	"os"
	"sync"
	"sync/atomic"
)

// folder is an open folder. It takes a slot of its System.
type folder struct {
	sys     *System
	root    *os.Root
	refs    atomic.Int32
	counted bool // holds a slot

	mu   sync.Mutex
	self *os.File // guarded by mu: the folder itself, opened at first need
}

// newFolder takes over root, and self if it is not nil, with one reference.
func newFolder(s *System, root *os.Root, self *os.File) *folder {
	f := &folder{sys: s, root: root, self: self, counted: true}
	f.refs.Store(1)
	return f
}

func (f *folder) acquire() { f.refs.Add(1) }

func (f *folder) release() {
	if f.refs.Add(-1) != 0 {
		return
	}
	_ = f.root.Close() // nothing was written through it
	f.mu.Lock()
	if f.self != nil {
		_ = f.self.Close()
	}
	f.mu.Unlock()
	if f.counted {
		f.sys.freeSlot()
	}
}

// file returns the open folder itself; it belongs to f.
func (f *folder) file() (*os.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.self == nil {
		self, err := f.root.Open(".")
		if err != nil {
			return nil, err
		}
		f.self = self
	}
	return f.self, nil
}

// openFile is an open file that is not a folder. It takes a slot of its
// System.
type openFile struct {
	sys  *System
	f    *os.File
	refs atomic.Int32 // the descriptor and its streams: the last one closes
	// regular tells that reads and writes take an offset and never wait.
	regular bool
	// appends serialises appends where the system has no atomic one.
	appends sync.Mutex
}

func newOpenFile(s *System, f *os.File, regular bool) *openFile {
	o := &openFile{sys: s, f: f, regular: regular}
	o.refs.Store(1)
	return o
}

func (o *openFile) acquire() { o.refs.Add(1) }

func (o *openFile) release() {
	if o.refs.Add(-1) == 0 {
		_ = o.f.Close() // sync and sync-data report what a guest must know
		o.sys.freeSlot()
	}
}
