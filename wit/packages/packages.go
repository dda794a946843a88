// Package packages embeds the WIT packages that Latticework serves or knows,
// and finds their interfaces and worlds by name.
//
// Each folder <namespace>/<name>@<version> holds the .wit files of one
// package. A look-up parses that package and those that it uses, once; all
// look-ups share one [wit.Resolve], so that a resource is the same wherever it
// is reached from.
package packages

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"latticework/internal/errcode"
	"latticework/wit"
)

// FS holds the .wit files.
//
//go:embed */*/*.wit
var FS embed.FS

var shared struct {
	mu     sync.Mutex
	loader *wit.Loader // guarded by mu
}

// Find returns the folder of a package in FS, in the form that
// [wit.WithPackages] wants.
func Find(name wit.PackageName) (fsys fs.FS, dir string, ok bool) {
	dir = folder(name)
	info, err := fs.Stat(FS, dir)
	return FS, dir, err == nil && info.IsDir()
}

func folder(name wit.PackageName) string {
	dir := name.Namespace + "/" + name.Name
	if name.Version != "" {
		dir += "@" + name.Version
	}
	return path.Clean(dir)
}

// Names returns the names of all packages, in order.
func Names() []wit.PackageName {
	dirs, err := fs.Glob(FS, "*/*")
	if err != nil {
		panic(err) // the pattern is valid
	}
	var names []wit.PackageName
	for _, dir := range dirs {
		namespace, rest, _ := strings.Cut(dir, "/")
		name, version := wit.SplitVersion(rest)
		names = append(names, wit.PackageName{Namespace: namespace, Name: name, Version: version})
	}
	return names
}

// Package returns the package of exactly that name.
//
// Concurrency: safe. The answer is shared and must not be changed.
//
// Errors: errcode.NotFound if there is no such package.
func Package(name wit.PackageName) (*wit.Package, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.loader == nil {
		shared.loader = wit.NewLoader(wit.WithPackages(Find))
	}
	return shared.loader.Load(name)
}

// Interface returns an interface by its qualified name, such as
// "wasi:io/streams@0.2.12": the one of exactly that version, else of the
// newest one that matches by [wit.MatchVersion].
//
// Concurrency: safe. The answer is shared and must not be changed.
//
// Errors:
//   - errcode.Invalid if the name is not qualified.
//   - errcode.NotFound if no package has it.
func Interface(qualified string) (*wit.Interface, error) {
	pkg, item, err := lookup(qualified)
	if err != nil {
		return nil, err
	}
	if i := pkg.Interface(item); i != nil {
		return i, nil
	}
	return nil, errcode.New(errcode.NotFound, "look up interface %s: package %s has no interface %q", qualified, pkg.Name, item)
}

// World returns a world by its qualified name, by the same rules as
// [Interface].
//
// Concurrency: safe. The answer is shared and must not be changed.
//
// Errors: as Interface.
func World(qualified string) (*wit.World, error) {
	pkg, item, err := lookup(qualified)
	if err != nil {
		return nil, err
	}
	if w := pkg.World(item); w != nil {
		return w, nil
	}
	return nil, errcode.New(errcode.NotFound, "look up world %s: package %s has no world %q", qualified, pkg.Name, item)
}

// lookup finds the package of a qualified name, and the plain name in it.
func lookup(qualified string) (*wit.Package, string, error) {
	name, item, ok := wit.ParseQualified(qualified)
	if !ok {
		return nil, "", errcode.New(errcode.Invalid, "look up %q: want a qualified name such as wasi:io/streams@0.2.12", qualified)
	}
	best, ok := match(name)
	if !ok {
		return nil, "", errcode.New(errcode.NotFound, "look up %s: no package %s is known", qualified, name)
	}
	pkg, err := Package(best)
	return pkg, item, err
}

// match returns the package of exactly that name, else the newest one that
// may stand for it.
func match(want wit.PackageName) (best wit.PackageName, ok bool) {
	names := Names()
	if slices.Contains(names, want) {
		return want, true
	}
	for _, n := range names {
		if wit.MatchVersion(want.String(), n.String()) && (!ok || wit.CompareVersions(best.Version, n.Version) < 0) {
			best, ok = n, true
		}
	}
	return best, ok
}
