package wit

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"latticework/internal/errcode"
)

// unit is a package that has been parsed: all the files that make it up.
type unit struct {
	name  PackageName
	pos   pos
	docs  string
	files []*astPackage
}

// linker brings parsed packages into a Resolve.
type linker struct {
	resolve  *Resolve
	cfg      *config
	packages map[PackageName]*Package // those of resolve
	units    map[PackageName]*unit
	names    []PackageName
	missed   map[PackageName]bool // asked for in vain
	count    int                  // of items in worlds, see maxWorldItems
}

func newLinker(r *Resolve, cfg *config) *linker {
	l := &linker{resolve: r, cfg: cfg, packages: map[PackageName]*Package{}, units: map[PackageName]*unit{}, missed: map[PackageName]bool{}}
	for _, p := range r.Packages {
		l.packages[p.Name] = p
	}
	return l
}

// addFiles adds the package that files make up, and those nested in them. It
// returns the former's name; where stands for them in errors.
func (l *linker) addFiles(files []*astFile, where string) (PackageName, error) {
	u := &unit{}
	documented := false
	for _, f := range files {
		m := &f.main
		switch {
		case !m.named:
		case u.pos.src == nil:
			u.name, u.pos = m.name, m.pos
		case u.name != m.name:
			return u.name, m.pos.errorf("package identifier `%s` does not match previous package name of `%s`", m.name, u.name)
		}
		switch {
		case m.explicitDocs && documented:
			return u.name, m.docsPos.errorf("found doc comments on multiple 'package' items")
		case m.explicitDocs, u.docs == "":
			u.docs, documented = m.docs, m.explicitDocs
		}
		u.files = append(u.files, m)
	}
	if u.pos.src == nil {
		return u.name, errcode.New(errcode.Invalid, "%s: no `package` header was found in any WIT file for this package", where)
	}
	for _, f := range files {
		for _, n := range f.nested {
			if err := l.add(&unit{name: n.name, pos: n.pos, docs: n.docs, files: []*astPackage{n}}); err != nil {
				return u.name, err
			}
		}
	}
	return u.name, l.add(u)
}

func (l *linker) add(u *unit) error {
	if prev, ok := l.units[u.name]; ok {
		return u.pos.errorf("package `%s` is defined in two different locations: it is also at %s", u.name, prev.pos)
	}
	if l.packages[u.name] != nil {
		return u.pos.errorf("package `%s` is defined in two different locations", u.name)
	}
	l.units[u.name] = u
	l.names = append(l.names, u.name)
	return nil
}

// addDeps adds what the folder deps holds, if it exists.
func (l *linker) addDeps(fsys fs.FS, dir string) error {
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return errcode.New(errcode.Invalid, "read folder %s: %w", dir, err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		info, err := fs.Stat(fsys, name) // follows links
		if err != nil {
			return errcode.New(errcode.NotFound, "read %s: %w", name, err)
		}
		var files []*astFile
		switch ext := path.Ext(e.Name()); {
		case info.IsDir():
			files, err = readFolder(fsys, name)
		case ext == ".wit":
			var f *astFile
			f, err = readFile(fsys, name)
			files = []*astFile{f}
		case ext == ".wasm", ext == ".wat":
			return errcode.New(errcode.Unsupported, "read %s: packages in binary form are not supported", name)
		default:
			continue
		}
		if err != nil {
			return err
		}
		if _, err := l.addFiles(files, name); err != nil {
			return err
		}
	}
	return nil
}

// fetch adds a package from the configured source and reports whether it is
// there.
func (l *linker) fetch(name PackageName) (bool, error) {
	if l.cfg.find == nil || l.missed[name] {
		return false, nil
	}
	fsys, dir, ok := l.cfg.find(name)
	if !ok {
		l.missed[name] = true
		return false, nil
	}
	files, err := readFolder(fsys, dir)
	if err != nil {
		return false, err
	}
	got, err := l.addFiles(files, dir)
	if err == nil && got != name {
		err = errcode.New(errcode.Invalid, "load package %s: folder %s holds %s", name, dir, got)
	}
	return true, err
}

// finish resolves all packages that were added, in dependency order.
func (l *linker) finish(main PackageName) (*Resolve, *Package, error) {
	order, err := l.order()
	if err != nil {
		return nil, nil, err
	}
	for _, u := range order {
		if err := l.link(u); err != nil {
			return nil, nil, err
		}
	}
	return l.resolve, l.packages[main], nil
}

// order returns the units so that each comes after those it uses, and adds
// those that have to be fetched.
func (l *linker) order() ([]*unit, error) {
	slices.SortFunc(l.names, comparePackages)
	var order []*unit
	state := map[PackageName]int{} // 1 while visited as a dependency, 2 when done
	var visit func(u *unit) error
	visit = func(u *unit) error {
		for _, dep := range u.deps() {
			if state[dep.pkg] == 1 {
				return dep.pkgPos.errorf("package `%s` creates a dependency cycle", dep.pkg)
			}
			next := l.units[dep.pkg]
			if next == nil && l.packages[dep.pkg] == nil {
				if found, err := l.fetch(dep.pkg); err != nil {
					return err
				} else if !found {
					return l.unknownPackage(dep)
				}
				next = l.units[dep.pkg]
			}
			if next == nil || state[dep.pkg] == 2 {
				continue
			}
			state[dep.pkg] = 1
			if err := visit(next); err != nil {
				return err
			}
		}
		state[u.name] = 2
		order = append(order, u)
		return nil
	}
	for i := 0; i < len(l.names); i++ { // fetch appends to names
		if u := l.units[l.names[i]]; state[u.name] == 0 {
			if err := visit(u); err != nil {
				return nil, err
			}
		}
	}
	return order, nil
}

func (l *linker) unknownPackage(dep usePath) error {
	const shown = 20
	known := []string{}
	for _, n := range l.names {
		known = append(known, n.String())
	}
	for _, p := range l.resolve.Packages {
		known = append(known, p.Name.String())
	}
	slices.Sort(known)
	if len(known) > shown {
		known = append(known[:shown], "…")
	}
	return dep.pkgPos.errorf("package '%s' not found. known packages: %s", dep.pkg, strings.Join(known, ", "))
}

func comparePackages(a, b PackageName) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return CompareVersions(a.Version, b.Version)
}
