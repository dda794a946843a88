// Command lattice-bindgen writes the Go contract of a WIT package, for use in
// a go:generate line:
//
//	//go:generate go run latticework/cmd/lattice-bindgen -package wasi:keyvalue@0.2.0-draft -o . -name keyvalue
//
// The package is one of those in wit/packages, or that of the folder named by
// -wit.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"latticework/wit"
	"latticework/wit/bindgen"
	"latticework/wit/packages"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lattice-bindgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	fs := flag.NewFlagSet("lattice-bindgen", flag.ContinueOnError)
	pkgName := fs.String("package", "", "WIT package, such as wasi:keyvalue@0.2.0-draft; may be left out with -wit")
	dir := fs.String("wit", "", "folder of .wit files to read instead of the built-in packages")
	out := fs.String("o", ".", "folder to write NAME.gen.go to")
	name := fs.String("name", "", "name of the Go package")
	interfaces := fs.String("interfaces", "", "comma-separated interfaces to write (default all)")
	worlds := fs.String("worlds", "", "comma-separated worlds to write what is in no named interface of, or none (default all, or none with -interfaces)")
	exports := fs.String("exports", "", "comma-separated interfaces to write export stubs for, or none (default those without resources, and those that a world exports)")
	imported := fs.String("imports", "", "comma-separated interfaces to write Bind functions for, or none (default all)")
	views := fs.String("views", "", "comma-separated functions, as INTERFACE.FUNCTION, whose list<u8> parameters are handed over in place")
	prompt := fs.String("prompt", "", "comma-separated async functions, as INTERFACE.FUNCTION, that never wait and are called in place")
	features := fs.String("features", "", "comma-separated feature gates to open: items that are @unstable are left out otherwise")
	goImports := map[string]string{}
	fs.Func("use", "PACKAGE=IMPORTPATH: where the Go contract of another WIT package is (repeatable)", func(s string) error {
		wp, path, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("%q is not PACKAGE=IMPORTPATH", s)
		}
		goImports[wp] = path
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return err
	}
	pkg, err := find(*dir, *pkgName, wit.WithFeatures(list(*features)...))
	if err != nil {
		return err
	}
	src, err := bindgen.Generate(pkg, bindgen.Config{
		Name: *name, Imports: goImports,
		Interfaces: list(*interfaces), Worlds: list(*worlds), Exports: list(*exports), Imported: list(*imported), Views: list(*views), Prompt: list(*prompt),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(*out, *name+".gen.go"), src, 0o644)
}

func find(dir, name string, features wit.Option) (*wit.Package, error) {
	if dir == "" {
		id, version := wit.SplitVersion(name)
		namespace, item, _ := strings.Cut(id, ":")
		return wit.NewLoader(wit.WithPackages(packages.Find), features).Load(wit.PackageName{Namespace: namespace, Name: item, Version: version})
	}
	_, pkg, err := wit.ParseFS(os.DirFS(dir), ".", features)
	if err != nil {
		return nil, err
	}
	if name != "" && pkg.Name.String() != name {
		return nil, fmt.Errorf("folder %s holds package %s, not %s", dir, pkg.Name, name)
	}
	return pkg, nil
}

// list splits a comma-separated flag; nil if it is empty.
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
