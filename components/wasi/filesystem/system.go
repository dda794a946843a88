package filesystem

import (
	"context"
	"errors"
	"hash/maphash"
	"os"
	"sync/atomic"
	"time"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// DefaultMaxOpen is how many files and folders the guests of one System may
// hold open, streams included.
const DefaultMaxOpen = 4096

// Preopen grants a folder of the host to a guest.
type Preopen struct {
	// HostDir is an existing folder of the host; symbolic links on the way to
	// it are followed once, when it is opened.
	HostDir string
	// GuestPath is the path under which the guest sees it, such as "/" or
	// "/data".
	GuestPath string
	// ReadOnly refuses whatever would change something in it.
	ReadOnly bool
}

// Config says what guests may reach. The zero value grants nothing.
type Config struct {
	Preopens []Preopen
	// MaxOpen bounds open files and folders; 0 stands for DefaultMaxOpen.
	MaxOpen int
	// Limited is told when a guest hits MaxOpen, which its error code does not
	// say; nil for nobody. It may run on several goroutines at once.
	Limited func(error)
	// Now is the clock for times that a guest sets to "now"; nil stands for
	// the system's.
	Now func() time.Time
}

// System implements the interfaces types and preopens. It is safe for
// concurrent use by several guests.
type System struct {
	preopens []granted
	now      func() time.Time
	maxOpen  int64
	limited  func(error)  // may be nil
	open     atomic.Int64 // files and folders open now, without the preopens
	seeds    [2]maphash.Seed
	group    *streams.Group // writes what guests of WASI 0.3 give
}

// granted is a preopen that was opened.
type granted struct {
	path     string
	folder   *folder
	readOnly bool
}

var (
	_ wasifs.TypesInterface    = (*System)(nil)
	_ wasifs.PreopensInterface = (*System)(nil)
)

// Open opens the folders of cfg.
//
// Errors: not_found, denied or invalid with the folder's name if one cannot be
// opened as a folder; nothing stays open then.
func Open(cfg Config) (*System, error) {
	s := &System{
		now:     cfg.Now,
		maxOpen: int64(cfg.MaxOpen),
		limited: cfg.Limited,
		seeds:   [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		group:   streams.NewGroup(),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.maxOpen <= 0 {
		s.maxOpen = DefaultMaxOpen
	}
	for _, p := range cfg.Preopens {
		root, err := os.OpenRoot(p.HostDir)
		if err != nil {
			return nil, errors.Join(grantError(p, err), s.Close())
		}
		f := newFolder(s, root, nil)
		f.counted = false
		s.preopens = append(s.preopens, granted{path: p.GuestPath, folder: f, readOnly: p.ReadOnly})
	}
	return s, nil
}

func grantError(p Preopen, err error) error {
	code := errcode.Invalid
	switch {
	case errors.Is(err, os.ErrNotExist):
		code = errcode.NotFound
	case errors.Is(err, os.ErrPermission):
		code = errcode.Denied
	}
	return errcode.New(code, "grant folder %q as %q: %w", p.HostDir, p.GuestPath, err)
}

// Close closes the granted folders. What guests still hold stays open until
// they drop it, but what they have streams of WASI 0.3 write ends. It is
// idempotent.
func (s *System) Close() error {
	s.group.Close()
	for _, g := range s.preopens {
		g.folder.release()
	}
	s.preopens = nil
	return nil
}

// GetDirectories implements wasi:filesystem: new descriptors at each call.
func (s *System) GetDirectories(context.Context) ([]abi.Tuple2[wasifs.Descriptor, string], error) {
	list := make([]abi.Tuple2[wasifs.Descriptor, string], 0, len(s.preopens))
	for _, g := range s.preopens {
		g.folder.acquire()
		flags := wasifs.DescriptorFlagsRead
		if !g.readOnly {
			flags |= wasifs.DescriptorFlagsMutateDirectory
		}
		d := &descriptor{sys: s, flags: flags, dir: g.folder}
		list = append(list, abi.Tuple2[wasifs.Descriptor, string]{F0: d, F1: g.path})
	}
	return list, nil
}

// takeSlot counts one more open file or folder.
func (s *System) takeSlot() error {
	if n := s.open.Add(1); n > s.maxOpen {
		s.open.Add(-1)
		if s.limited != nil {
			s.limited(errcode.New(errcode.Exhausted, "open files: %d > %d", n, s.maxOpen))
		}
		return errMemory
	}
	return nil
}

func (s *System) freeSlot() { s.open.Add(-1) }
