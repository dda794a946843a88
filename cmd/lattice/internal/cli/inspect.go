package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"latticework/cmd/lattice/internal/deployment"
	"latticework/cmd/lattice/internal/wiring"
	"latticework/components"
	"latticework/components/world"
	"latticework/host"
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

func (a *app) inspectCommand() *cobra.Command {
	var plan bool
	cmd := &cobra.Command{
		Use: "inspect FILE", Short: "Show what a component imports and exports",
		Long: `Show what a component asks for, in plain words and as imports, and what it
offers, with the signatures of all functions; and how a lattice serves each
import: inside the host, or over a link. Of a core module of WASI 0.1, which
"lattice run" runs, the same.

With --plan show instead how the runtime links and instantiates it: the core
modules in order and where each of their imports is taken from, the functions
that are lowered and lifted with their memories, reallocs, post-returns and
callbacks, and the resources. Nothing is compiled.`,
		Example: `  lattice inspect examples/counter/counter.wasm
  lattice inspect counter.wasm -o json
  lattice inspect counter.wasm --plan`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if plan {
				return a.printPlan(cmd.Context(), args[0])
			}
			v, err := inspect(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(v, v.print)
		},
	}
	cmd.Flags().BoolVar(&plan, "plan", false, "show how the component is linked and instantiated")
	return cmd
}

func (a *app) printPlan(ctx context.Context, file string) error {
	data, err := readFile(file)
	if err != nil {
		return err
	}
	if err := deployment.RefuseCoreModule(file, data); err != nil {
		return err
	}
	e, err := newEngine(ctx, "", 0)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close(ctx) }()
	p, err := e.Plan(data)
	if err != nil {
		return errcode.New(errcode.Of(err), "read %s: %w", file, err)
	}
	return a.print(p, func(w io.Writer) { _ = p.WriteText(w) })
}

// inspection is a component as it is printed.
type inspection struct {
	File    string       `json:"file"`
	Kind    string       `json:"kind"`
	Bytes   int          `json:"bytes"`
	Digest  string       `json:"digest"`
	Asks    []askView    `json:"asks"`
	Imports []externView `json:"imports"`
	Exports []externView `json:"exports"`
}

// externView is an import or export. ServedBy of an import is "host", "link",
// "types" where there is nothing to serve, or "nobody".
type externView struct {
	Name      string     `json:"name"`
	ServedBy  string     `json:"served_by,omitempty"`
	Functions []funcView `json:"functions"`
	Types     []string   `json:"types"`
}

type funcView struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func inspect(ctx context.Context, file string) (*inspection, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	v := &inspection{File: file, Kind: "component", Bytes: len(data), Digest: "sha256:" + hex.EncodeToString(sum[:]),
		Asks: []askView{}, Imports: []externView{}, Exports: []externView{}}
	if deployment.IsCoreModule(data) {
		return v, inspectCore(ctx, v, data)
	}
	code, closeCode, err := compileFile(ctx, file, data, 0, 0)
	if err != nil {
		return nil, err
	}
	defer closeCode()
	builtins, err := wiring.Builtins(host.Builtin{})
	if err != nil {
		return nil, err
	}
	for _, e := range code.Imports() {
		x := viewExtern(e)
		x.ServedBy = servedBy(e, builtins)
		v.Imports = append(v.Imports, x)
	}
	named := exportedFuncs(data)
	for _, e := range code.Exports() {
		for i, f := range e.Funcs {
			if t := named[[2]string{e.Name, f.Name}]; t != nil {
				e.Funcs[i].Type = t
			}
		}
		v.Exports = append(v.Exports, viewExtern(e))
	}
	v.Asks = asks(v.Imports)
	return v, nil
}

// exportedFuncs returns the types of the functions that interfaces export, by
// interface and name, with the names that the world gives to what they are made
// of: a compiled component keeps those of imports alone. It is empty if WIT
// cannot say what the component exports.
func exportedFuncs(data []byte) map[[2]string]*wit.FuncType {
	named := map[[2]string]*wit.FuncType{}
	_, w, err := world.Of(data)
	if err != nil {
		return named
	}
	for _, item := range w.Exports {
		if item.Interface == nil {
			continue
		}
		for _, f := range item.Interface.Funcs {
			named[[2]string{item.Name, f.Name}] = f.Type
		}
	}
	return named
}

func servedBy(e components.Extern, builtins []*abi.Interface) string {
	switch {
	case len(e.Funcs) == 0:
		return "types"
	case serves(builtins, e.Name):
		return "host"
	}
	return "link"
}

func viewExtern(e components.Extern) externView {
	x := externView{Name: e.Name, Functions: []funcView{}, Types: []string{}}
	for _, f := range e.Funcs {
		x.Functions = append(x.Functions, funcView{f.Name, wit.PrintFunc(f.Type)})
	}
	for _, t := range e.Types {
		x.Types = append(x.Types, t.Name)
	}
	return x
}

func (v *inspection) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%s: %s, %d bytes\n%s\n", v.File, v.Kind, v.Bytes, v.Digest)
	list := func(title string, all []externView) {
		if len(all) == 0 {
			return
		}
		_, _ = fmt.Fprintf(w, "\n%s\n", title)
		for _, e := range all {
			served := map[string]string{"host": "  (by the host)", "link": "  (needs a link)", "nobody": "  (by nobody)"}[e.ServedBy]
			if len(e.Functions) == 1 && e.Functions[0].Name == e.Name { // not in an interface
				_, _ = fmt.Fprintf(w, "  %s: %s%s\n", e.Name, e.Functions[0].Type, served)
				continue
			}
			_, _ = fmt.Fprintf(w, "  %s%s\n", e.Name, served)
			for _, f := range e.Functions {
				_, _ = fmt.Fprintf(w, "    %s: %s\n", f.Name, f.Type)
			}
			if len(e.Functions) == 0 && len(e.Types) > 0 {
				_, _ = fmt.Fprintf(w, "    types %s\n", strings.Join(e.Types, ", "))
			}
		}
	}
	v.printAsks(w)
	list("imports", v.Imports)
	list("exports", v.Exports)
}

// printAsks says what is asked for in plain words.
func (v *inspection) printAsks(w io.Writer) {
	if len(v.Asks) == 0 {
		_, _ = fmt.Fprintln(w, "\nasks for nothing")
		return
	}
	_, _ = fmt.Fprintln(w, "\nasks for")
	for _, q := range v.Asks {
		how := map[string]string{"host": "", "link": "; needs a link", "types": "; types alone"}[q.ServedBy]
		if q.Grant != "" {
			how = "; reaches what is granted with " + q.Grant
		}
		_, _ = fmt.Fprintf(w, "  %s (%s)%s\n", q.Topic, strings.Join(q.Interfaces, ", "), how)
	}
}
