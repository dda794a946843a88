package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"latticework/cmd/lattice/internal/deployment"
	"latticework/cmd/lattice/internal/wiring"
	"latticework/components"
	"latticework/components/wasi"
	"latticework/components/wasi/wasihttp"
	"latticework/components/wasi/wasihttp3"
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// runFlags are what a guest program is granted.
type runFlags struct {
	grantFlags
	limitFlags
	cwd    string
	invoke string
}

const runLong = `Run a component that exports wasi:cli/run, or a core module of WASI 0.1, as a
program: with the standard streams of this process, the arguments after --, and
nothing else but what is granted. The exit status is the program's own. With
--invoke an exported function is called instead: of a component with its
arguments in the text, of a core module with those after --.
` + grantsLong + limitsLong

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{}
	c := &cobra.Command{
		Use: "run FILE [-- ARGUMENTS]", Short: "Run a component as a program",
		Long: runLong,
		Example: `  lattice run examples/command-rust/command.wasm -- --help
  lattice run tool.wasm --dir .::/work:ro --env LANG=C -- /work/input.txt
  lattice run fetch.wasm --net allow=https:api.example.com --env HOME
  lattice run tool.wasm --timeout 5s --memory 64MiB --fuel 1000000000 < data
  lattice run core.wasm --invoke add -- 2 3
  lattice run library.wasm --invoke 'words.count("one two")'`,
		Args: arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); len(args) > 1 && at != 1 {
				return errcode.New(errcode.Invalid, "run: %q is not after --", args[1]).
					WithNext("write: lattice run %s -- %s", args[0], strings.Join(args[1:], " "))
			}
			return a.run(cmd.Context(), f, args[0], args[1:])
		},
	}
	f.grantFlags.define(c)
	f.limitFlags.define(c)
	fs := c.Flags()
	fs.StringVar(&f.cwd, "cwd", "", "the program's working folder, as a guest path")
	fs.StringVar(&f.invoke, "invoke", "", "call this exported function instead of running a program")
	return c
}

// run runs the program; its failure is an exitCode.
func (a *app) run(ctx context.Context, f *runFlags, file string, args []string) error {
	limits, err := f.limits()
	if err != nil {
		return err
	}
	set, err := f.set()
	if err != nil {
		return err
	}
	grants, err := a.config(set, f, file, args)
	if err != nil {
		return err
	}
	if a.flags.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.flags.timeout)
		defer cancel()
	}
	data, err := readFile(file)
	if err != nil {
		return err
	}
	if deployment.IsCoreModule(data) {
		return a.runCore(ctx, f, file, data, args, grants, limits)
	}
	code, closeCode, err := compileFile(ctx, file, data, limits.MemoryBytes, 0)
	if err != nil {
		return raised(err)
	}
	defer closeCode()
	if f.invoke == "" {
		if err := runnable(file, code); err != nil {
			return err
		}
	}
	system, err := wasi.Open(grants)
	if err != nil {
		return err
	}
	defer func() { _ = system.Close() }()
	client, err := wiring.Client(set)
	if err != nil {
		return err
	}
	defer client.Close()
	out := wasihttp.NewOutgoing(client)
	wiring.Report(out, a.logger())
	given := append(system.Interfaces(), wasihttp.Interfaces(out)...)
	given = append(given, wasihttp3.Interfaces(out)...)
	return a.runLinked(ctx, f, file, code, given, limits)
}

// runLinked calls wasi:cli/run of the component, or the function to invoke,
// whose result is printed.
func (a *app) runLinked(ctx context.Context, f *runFlags, file string, code *components.Component, given []*abi.Interface, limits components.Limits) error {
	if err := satisfied(file, code, given); err != nil {
		return err
	}
	tmpl, err := code.Link(components.LinkConfig{Interfaces: given, Limits: limits})
	if err != nil {
		return errcode.New(errcode.Of(err), "run %s: %w", file, err)
	}
	in, err := tmpl.Acquire(ctx)
	if err != nil {
		return stopped(ctx, file, err)
	}
	defer in.Release(context.WithoutCancel(ctx))
	call := f.invoke
	if call == "" {
		call = "wasi:cli/run.run()"
	}
	text, err := in.CallText(ctx, call)
	var exit *wasi.ExitError
	switch {
	case errors.As(err, &exit):
		if exit.Code == 0 {
			return nil
		}
		return exitCode(exit.Code)
	case err != nil:
		return stopped(ctx, file, err)
	case f.invoke != "":
		if text != "" {
			_, err = fmt.Fprintln(a.Out, text)
		}
		return err
	case text != "ok":
		return exitCode(1)
	}
	return nil
}

// stopped describes how a program ended that did not end itself.
func stopped(ctx context.Context, file string, err error) error {
	if errors.Is(context.Cause(ctx), errInterrupted) {
		return errcode.New(errcode.Unavailable, "run %s: interrupted", file)
	}
	code := errcode.Of(err)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		code = errcode.Deadline
	}
	what := "run " + file
	if code == errcode.Trap {
		what += ": trap"
	}
	e := errcode.New(code, "%s: %w", what, err)
	var trap *components.Trap
	if errors.As(err, &trap) && len(trap.Stack) > 0 {
		e = errcode.New(code, "%s: %w\n  at %s", what, err, strings.Join(trap.Stack, "\n  at "))
	}
	if code == errcode.Deadline {
		return e.WithNext("give it more time with --timeout")
	}
	if next := raise(err); next != "" {
		return e.WithNext("%s", next)
	}
	return e
}

// runnable refuses a component that is no program.
func runnable(file string, code *components.Component) error {
	var names []string
	for _, e := range code.Exports() {
		if wit.MatchVersion("wasi:cli/run@0.2.0", e.Name) || wit.MatchVersion("wasi:cli/run@0.3.0", e.Name) {
			return nil
		}
		names = append(names, e.Name)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "wasi:cli/run@") {
			return errcode.New(errcode.Unsupported, "run %s: export %q is not supported, wasi:cli/run@0.2 and 0.3 are", file, name)
		}
	}
	e := errcode.New(errcode.Invalid, "run %s: it exports no wasi:cli/run, so it is no program", file)
	if slices.ContainsFunc(names, func(n string) bool {
		return strings.HasPrefix(n, "wasi:http/incoming-handler@") || strings.HasPrefix(n, "wasi:http/handler@")
	}) {
		return e.WithNext("it answers HTTP: name it in a manifest and start it with `lattice up`")
	}
	return e.WithNext("see what it is for: lattice inspect %s", file)
}

// satisfied refuses a component with an import that a program does not get.
func satisfied(file string, code *components.Component, given []*abi.Interface) error {
	for _, im := range code.Imports() {
		if len(im.Funcs) == 0 {
			continue
		}
		if slices.ContainsFunc(given, func(i *abi.Interface) bool { return wit.MatchVersion(im.Name, i.Name) }) {
			continue
		}
		return errcode.New(errcode.Unsupported, "run %s: import %q is not served to programs", file, im.Name).
			WithNext("programs get WASI 0.2 (cli, clocks, filesystem, http going out, io, random, sockets) and 0.3 (cli, clocks, filesystem, http going out, random); for anything else deploy it with links: lattice up")
	}
	return nil
}

// compileFile compiles a component read from file, with an engine whose bound
// of a linear memory is bound, 0 for the default, or within where that is more.
func compileFile(ctx context.Context, file string, data []byte, bound, within uint64) (*components.Component, func(), error) {
	e, err := newEngine(ctx, codeCache(), bound)
	if err != nil {
		return nil, nil, err
	}
	closeEngine := func() { _ = e.Close(context.WithoutCancel(ctx)) }
	code, err := deployment.Compile(ctx, e, file, data, within)
	if err != nil {
		closeEngine()
		return nil, nil, err
	}
	return code, closeEngine, nil
}

// maxFile bounds the files that commands read.
const maxFile = 1 << 30

// readFile reads a file that the user named.
func readFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, errcode.New(errcode.NotFound, "read %s: there is no such file", file).WithNext("check the path")
	case err == nil && info.IsDir():
		return nil, errcode.New(errcode.Invalid, "read %s: it is a folder", file).WithNext("name a file in it")
	case err == nil && info.Size() > maxFile:
		return nil, errcode.New(errcode.Exhausted, "read %s: bytes: %d > %d", file, info.Size(), maxFile)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, errcode.New(errcode.Denied, "read %s: %w", file, err).WithNext("make the file readable")
	}
	return data, nil
}
