package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"latticework/cmd/lattice/internal/deployment"
	"latticework/components/world"
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/packages"
)

func (a *app) witCommand() *cobra.Command {
	return &cobra.Command{
		Use: "wit FILE|FOLDER", Short: "Print a component's world, or WIT in its normal form",
		Long: "Print the world of a component as WIT, with the packages that it needs; or, of\na .wit file or a folder of them, the package in its normal form. A package in a\nfolder finds others in the folder deps below it, and those that Latticework serves.",
		Example: `  lattice wit examples/counter/counter.wasm
  lattice wit examples/counter/wit
  lattice wit world.wit -o json`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := witOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(v, func(w io.Writer) { _, _ = fmt.Fprint(w, v.Text) })
		},
	}
}

// witView is WIT as it is printed.
type witView struct {
	Package    string   `json:"package"`
	Interfaces []string `json:"interfaces"`
	Worlds     []string `json:"worlds"`
	Text       string   `json:"wit"`
}

func witOf(ctx context.Context, path string) (*witView, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		_, pkg, err := wit.ParseFS(os.DirFS(path), ".", wit.WithPackages(packages.Find))
		if err != nil {
			return nil, witError(path, err)
		}
		return viewPackage(pkg, wit.PrintPackage(pkg)), nil
	}
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte("\x00asm")) {
		if err := deployment.RefuseCoreModule(path, data); err != nil {
			return nil, err
		}
		r, w, err := world.Of(data)
		if err != nil {
			return nil, errcode.New(errcode.Of(err), "read %s: %w", path, err)
		}
		return viewPackage(w.Package, wit.PrintResolve(r, w.Package)), nil
	}
	if r, pkg, err := wit.ParseText(filepath.Base(path), string(data)); err == nil {
		return viewPackage(pkg, wit.PrintResolve(r, pkg)), nil
	}
	_, pkg, err := wit.ParseText(filepath.Base(path), string(data), wit.WithPackages(packages.Find))
	if err != nil {
		return nil, witError(path, err)
	}
	return viewPackage(pkg, wit.PrintPackage(pkg)), nil
}

func witError(path string, err error) error {
	e := errcode.New(errcode.Of(err), "read WIT %s: %w", path, err)
	if errcode.NextOf(err) == "" {
		return e.WithNext("name a .wit file, a folder of them, or a component")
	}
	return e
}

func viewPackage(p *wit.Package, text string) *witView {
	v := &witView{Package: p.Name.String(), Text: text, Interfaces: []string{}, Worlds: []string{}}
	for _, i := range p.Interfaces {
		v.Interfaces = append(v.Interfaces, i.QualifiedName())
	}
	for _, w := range p.Worlds {
		v.Worlds = append(v.Worlds, w.QualifiedName())
	}
	return v
}
