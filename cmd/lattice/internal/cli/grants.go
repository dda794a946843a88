package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"latticework/cmd/lattice/internal/wiring"
	"latticework/components/wasi"
	"latticework/components/wasi/cli"
	"latticework/internal/errcode"
	"latticework/internal/grant"
)

// grantFlags are what a program is granted, as it was written.
type grantFlags struct{ dirs, env, net, args []string }

const grantsLong = `
Grants, each of which may be repeated; a program gets nothing without them:
  --dir HOST::GUEST[:ro]   a folder, under its guest path
  --env NAME=VALUE         a variable; NAME alone passes one through
  --arg TEXT               an argument, before those after --
  --net allow=RULE[,RULE]  a use of the network

` + grant.Grammar

func (f *grantFlags) define(c *cobra.Command) {
	fs := c.Flags()
	fs.StringArrayVar(&f.dirs, string(grant.KindDir), nil, "grant a folder, as HOST::GUEST or HOST::GUEST:ro; may be repeated")
	fs.StringArrayVar(&f.env, string(grant.KindEnv), nil, "an environment variable NAME=VALUE, or NAME to pass one through; may be repeated")
	fs.StringArrayVar(&f.net, string(grant.KindNet), nil, "a use of the network, as allow=[PROTOCOL:][USE:]WHAT[:PORTS]; may be repeated")
	fs.StringArrayVar(&f.args, string(grant.KindArg), nil, "an argument for the program; may be repeated")
	_ = c.MarkFlagDirname(string(grant.KindDir))
	_ = c.RegisterFlagCompletionFunc(string(grant.KindEnv), completeVariables)
	_ = c.RegisterFlagCompletionFunc(string(grant.KindNet), fixed("allow=", "allow=tcp:", "allow=udp:", "allow=http:", "allow=https:", "allow=tcp:listen:"))
	_ = c.RegisterFlagCompletionFunc(string(grant.KindArg), cobra.NoFileCompletions)
}

// completeVariables completes names of this process's variables.
func completeVariables(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// set reads the flags.
//
// Errors: invalid for one that is malformed, with the flag; those of
// [grant.Set.Inherit].
func (f *grantFlags) set() (grant.Set, error) {
	var s grant.Set
	for _, one := range []struct {
		kind  grant.Kind
		texts []string
	}{{grant.KindDir, f.dirs}, {grant.KindEnv, f.env}, {grant.KindNet, f.net}, {grant.KindArg, f.args}} {
		for _, text := range one.texts {
			if err := s.Add(one.kind, text); err != nil {
				return s, flagProblem("--"+string(one.kind), err)
			}
		}
	}
	if err := s.Inherit(os.LookupEnv); err != nil {
		return s, flagProblem("--env", err)
	}
	return s, nil
}

// flagProblem says which flag an error is about; its next step stays.
func flagProblem(flag string, err error) error {
	e := errcode.New(errcode.Of(err), "%s: %w", flag, err)
	if next := errcode.NextOf(err); next != "" {
		return e.WithNext("%s", next)
	}
	return e
}

// config makes of what is granted what WASI is opened with.
func (a *app) config(s grant.Set, f *runFlags, file string, args []string) (wasi.Config, error) {
	for _, d := range s.Dirs {
		if err := folder(d.Host); err != nil {
			return wasi.Config{}, err
		}
	}
	cfg := wiring.Granted(s)
	cfg.Args = append(append([]string{filepath.Base(file)}, s.Args...), args...)
	cfg.Cwd, cfg.Stdin, cfg.Stdout, cfg.Stderr = f.cwd, a.In, a.Out, a.Err
	cfg.Terminals = cli.Terminals{Stdin: isTerminal(a.In), Stdout: isTerminal(a.Out), Stderr: isTerminal(a.Err)}
	return cfg, nil
}

// folder refuses what is no folder of this machine.
func folder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errcode.New(errcode.NotFound, "--dir: there is no folder %s", dir).WithNext("make it, or correct the path")
	case err != nil:
		return errcode.New(errcode.Denied, "--dir: %w", err)
	case !info.IsDir():
		return errcode.New(errcode.Invalid, "--dir: %s is not a folder", dir).WithNext("grant the folder that it is in")
	}
	return nil
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
