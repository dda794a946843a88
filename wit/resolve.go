package wit

import (
	"io/fs"
	"path"

	"latticework/internal/errcode"
)

// Option adjusts how text is resolved.
type Option func(*config)

type config struct {
	features    map[string]bool
	allFeatures bool
	find        func(PackageName) (fs.FS, string, bool)
}

// WithFeatures activates features: items that are @unstable are left out
// unless their feature is active.
func WithFeatures(names ...string) Option {
	return func(c *config) {
		if c.features == nil {
			c.features = map[string]bool{}
		}
		for _, n := range names {
			c.features[n] = true
		}
	}
}

// WithAllFeatures activates every feature.
func WithAllFeatures() Option { return func(c *config) { c.allFeatures = true } }

// WithPackages gives packages that the source itself does not hold: find
// returns the folder with the .wit files of a package of exactly that name.
// It is asked at most once for each name.
func WithPackages(find func(PackageName) (fsys fs.FS, dir string, ok bool)) Option {
	return func(c *config) { c.find = find }
}

func newConfig(opts []Option) *config {
	c := &config{}
	for _, o := range opts {
		o(c)
	}
	return c
}

// ParseFS reads the package in a folder: all *.wit files directly in it are
// one package, and may hold nested ones; each file or folder below deps is
// another one that they may refer to. It returns the folder's own package and
// all of them together.
//
// Errors:
//   - errcode.Invalid, with file, line and column, if a file breaks a rule of
//     the language or names something that does not exist.
//   - errcode.NotFound if the folder does not exist or has no .wit file.
func ParseFS(fsys fs.FS, dir string, opts ...Option) (*Resolve, *Package, error) {
	l := newLinker(&Resolve{}, newConfig(opts))
	main, err := readFolder(fsys, dir)
	if err != nil {
		return nil, nil, err
	}
	name, err := l.addFiles(main, dir)
	if err != nil {
		return nil, nil, err
	}
	if err := l.addDeps(fsys, path.Join(dir, "deps")); err != nil {
		return nil, nil, err
	}
	return l.finish(name)
}

// ParseText reads a package of one file; name stands for it in errors. The
// file may hold nested packages.
//
// Errors: errcode.Invalid as in ParseFS.
func ParseText(name, text string, opts ...Option) (*Resolve, *Package, error) {
	l := newLinker(&Resolve{}, newConfig(opts))
	f, err := parseFile(name, text)
	if err != nil {
		return nil, nil, err
	}
	pkg, err := l.addFiles([]*astFile{f}, name)
	if err != nil {
		return nil, nil, err
	}
	return l.finish(pkg)
}

// Loader loads packages as they are asked for, with all that they use, into
// one Resolve. It is not safe for concurrent use.
type Loader struct {
	resolve *Resolve
	cfg     *config
}

// NewLoader returns a loader; the packages come from the option WithPackages.
func NewLoader(opts ...Option) *Loader {
	return &Loader{&Resolve{}, newConfig(opts)}
}

// Resolve returns what has been loaded so far.
func (l *Loader) Resolve() *Resolve { return l.resolve }

// Load returns the package of exactly that name.
//
// Errors:
//   - errcode.NotFound if there is no such package.
//   - errcode.Invalid if it, or one that it uses, breaks a rule.
func (l *Loader) Load(name PackageName) (*Package, error) {
	if p := l.resolve.FindPackage(name); p != nil {
		return p, nil
	}
	// A failed load must leave nothing behind.
	trial := *l.resolve
	k := newLinker(&trial, l.cfg)
	if found, err := k.fetch(name); err != nil {
		return nil, err
	} else if !found {
		return nil, errcode.New(errcode.NotFound, "load package %s: no such package", name)
	}
	_, pkg, err := k.finish(name)
	if err != nil {
		return nil, err
	}
	*l.resolve = trial
	return pkg, nil
}

// readFolder parses the .wit files of a folder in the order of their names.
func readFolder(fsys fs.FS, dir string) ([]*astFile, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, errcode.New(errcode.NotFound, "read folder %s: %w", dir, err)
	}
	var files []*astFile
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".wit" {
			continue
		}
		f, err := readFile(fsys, path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, errcode.New(errcode.NotFound, "read folder %s: no .wit file in it", dir)
	}
	return files, nil
}

func readFile(fsys fs.FS, name string) (*astFile, error) {
	info, err := fs.Stat(fsys, name)
	if err == nil && info.Size() > maxFileSize {
		return nil, errcode.New(errcode.Invalid, "%s: size of a file: %d > %d", name, info.Size(), maxFileSize)
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, errcode.New(errcode.NotFound, "read %s: %w", name, err)
	}
	return parseFile(name, string(text))
}
