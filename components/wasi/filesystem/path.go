package filesystem

import (
	"os"
	"strings"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// maxPath is the longest path that a guest may give, in bytes.
const maxPath = 4096

// folderFor returns the folder to resolve path in, after what can be said of
// path without looking.
func (d *descriptor) folderFor(path string) (*folder, error) {
	if d.dir == nil {
		if d.file == nil {
			return nil, errBadDescriptor
		}
		return nil, errNotDirectory
	}
	switch {
	case path == "":
		return nil, errNoEntry
	case len(path) > maxPath:
		return nil, errNameTooLong
	case strings.IndexByte(path, 0) >= 0:
		return nil, errInvalid
	case path[0] == '/':
		return nil, errNotPermitted
	}
	return d.dir, nil
}

// mutable is folderFor for what changes something.
func (d *descriptor) mutable(path string) (*folder, error) {
	f, err := d.folderFor(path)
	if err != nil {
		return nil, err
	}
	if !d.has(wasifs.DescriptorFlagsMutateDirectory) {
		return nil, errReadOnly
	}
	return f, nil
}

// splitLast cuts path before its last part. slash tells that the path ended in
// a slash, which says that it is a folder's. The last part of a path that ends
// in "..", or has no part at all, is ".".
func splitLast(path string) (parent, last string, slash bool) {
	trimmed := strings.TrimRight(path, "/")
	slash = trimmed != path
	i := strings.LastIndexByte(trimmed, '/')
	parent, last = strings.TrimRight(trimmed[:i+1], "/"), trimmed[i+1:]
	if last == ".." {
		parent, last = trimmed, "."
	}
	return parent, last, slash
}

// place is where the last part of a path stands: an open folder and a name in
// it, which is no path and never "..".
type place struct {
	dir   *os.File
	name  string
	slash bool
	owned bool // dir is the place's own
}

// locate resolves all of path but its last part.
func (f *folder) locate(path string) (place, error) {
	parent, name, slash := splitLast(path)
	if parent == "" {
		dir, err := f.file()
		return place{dir: dir, name: name, slash: slash}, err
	}
	dir, err := f.root.OpenFile(parent, openDirectory, 0)
	if err != nil {
		return place{}, err
	}
	return place{dir: dir, name: name, slash: slash, owned: true}, nil
}

func (p place) close() {
	if p.owned {
		_ = p.dir.Close() // a folder opened for reading
	}
}

// at calls do for the place of path.
func (f *folder) at(path string, do func(place) error) error {
	p, err := f.locate(path)
	if err != nil {
		return err
	}
	defer p.close()
	return do(p)
}
