package filesystem

import (
	"context"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/wit/abi"
)

// entriesAtOnce is how many names one look into a folder fetches.
const entriesAtOnce = 64

// entries is a directory-entry-stream. It takes a slot of its System.
type entries struct {
	sys  *System
	dir  *os.File
	rest []fs.DirEntry
	err  error // what follows rest
}

var _ wasifs.DirectoryEntryStream = (*entries)(nil)

// ReadDirectory implements wasi:filesystem.
func (d *descriptor) ReadDirectory(context.Context) (wasifs.DirectoryEntryStream, error) {
	e, err := d.readDirectory()
	if err != nil {
		return nil, result(err)
	}
	return e, nil
}

func (d *descriptor) readDirectory() (*entries, error) {
	if d.dir == nil {
		return nil, errNotDirectory
	}
	if err := d.sys.takeSlot(); err != nil {
		return nil, err
	}
	dir, err := d.dir.root.Open(".")
	if err != nil {
		d.sys.freeSlot()
		return nil, err
	}
	return &entries{sys: d.sys, dir: dir}, nil
}

// ReadDirectoryEntry implements wasi:filesystem. A name that is not UTF-8 is
// illegal-byte-sequence; the stream goes on after it.
func (e *entries) ReadDirectoryEntry(context.Context) (abi.Option[wasifs.DirectoryEntry], error) {
	next, err := e.next()
	if err != nil || next == nil {
		return abi.None[wasifs.DirectoryEntry](), result(err)
	}
	return abi.Some(wasifs.DirectoryEntry{Type: typeOf(next.Type()), Name: next.Name()}), nil
}

// next returns the next entry, nil after the last one.
func (e *entries) next() (fs.DirEntry, error) {
	if len(e.rest) == 0 && e.err == nil && e.dir != nil {
		e.rest, e.err = e.dir.ReadDir(entriesAtOnce)
	}
	switch {
	case len(e.rest) > 0:
	case e.err == nil || e.err == io.EOF:
		return nil, nil
	default:
		err := e.err
		e.err = io.EOF
		return nil, err
	}
	next := e.rest[0]
	e.rest = e.rest[1:]
	if !utf8.ValidString(next.Name()) {
		return nil, errIllegal
	}
	return next, nil
}

// Drop implements wasi:filesystem.
func (e *entries) Drop(context.Context) {
	if e.dir == nil {
		return
	}
	_ = e.dir.Close() // a folder opened for reading
	e.dir, e.rest = nil, nil
	e.sys.freeSlot()
}
