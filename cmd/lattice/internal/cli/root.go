package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"latticework/internal/errcode"
	"latticework/providers"
)

const rootLong = `Latticework runs WebAssembly components on many machines as if they were one.

Hosts join a lattice, run components, and lead each component's imports over
links to providers or to other components. Links can be pointed elsewhere while
requests flow.`

const rootExample = `  # a lattice on this machine, with an application
  lattice up examples/counter

  # in another terminal
  curl http://127.0.0.1:8000/hello
  lattice get links
  lattice link swap counter wasi:keyvalue --to store-redis

  # a second host
  lattice host --join nats://127.0.0.1:4222`

const exitStatuses = `
Exit status:
  0 done                    5 denied
  1 closed, internal        6 unavailable, deadline
  2 invalid                 7 exhausted
  3 not found               8 trap
  4 exists, conflict        9 unsupported
`

// root returns the tree of commands.
func (a *app) root() *cobra.Command {
	root := parent(&cobra.Command{
		Use: "lattice", Short: "Run WebAssembly components on many machines as if they were one",
		Long: rootLong, Example: rootExample,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.checkFlags(cmd) },
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	},
		a.upCommand(), a.hostCommand(), a.downCommand(), a.deployCommand(), a.deleteCommand(),
		a.getCommand(), a.linkCommand(), a.configCommand(), a.callCommand(),
		a.runCommand(), a.inspectCommand(), a.explainCommand(), a.composeCommand(), a.witCommand(), a.versionCommand(), a.completionCommand(),
	)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand())
	f := root.PersistentFlags()
	f.StringVarP(&a.flags.output, "output", "o", "text", "text or json")
	f.StringVar(&a.flags.lattice, "lattice", "", "the lattice's name (default $LATTICE_NAME, the one that ran last, or \"default\")")
	f.StringVar(&a.flags.data, "data", "", "data folder (default $LATTICE_DATA, or lattice/NAME in the state folder of the user)")
	f.StringVar(&a.flags.nats, "nats", "", "address of the lattice (default $LATTICE_NATS, the one that ran last, or nats://127.0.0.1:4222)")
	f.DurationVar(&a.flags.timeout, "timeout", 0, "how long the command may take, such as 30s (default depends on the command)")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "write more to standard error")
	root.SetUsageTemplate(root.UsageTemplate() + "{{if not .HasParent}}" + exitStatuses + "{{end}}")
	_ = root.RegisterFlagCompletionFunc("output", fixed("text", "json"))
	return root
}

func (a *app) checkFlags(*cobra.Command) error {
	if a.flags.output != "text" && a.flags.output != "json" {
		a.flags.output = "text"
		return errcode.New(errcode.Invalid, "flag --output: want text or json").WithNext("use -o text or -o json")
	}
	if a.flags.timeout < 0 {
		return errcode.New(errcode.Invalid, "flag --timeout: %s < 0", a.flags.timeout).WithNext("use a time such as 30s")
	}
	if a.flags.data == "" {
		a.flags.data = os.Getenv("LATTICE_DATA")
	}
	if a.flags.lattice == "" {
		a.flags.lattice = os.Getenv("LATTICE_NAME")
	}
	if a.flags.nats == "" {
		a.flags.nats = os.Getenv("LATTICE_NATS")
	}
	return nil
}

// unknownSubcommand is what a command of subcommands does.
func unknownSubcommand(cmd *cobra.Command, args []string) error {
	var names []string
	for _, c := range subcommands(cmd) {
		names = append(names, c.Name())
		names = append(names, c.Aliases...)
	}
	if len(args) == 0 {
		if !cmd.HasParent() {
			return cmd.Help()
		}
		return errcode.New(errcode.Invalid, "%s: a subcommand is missing", cmd.CommandPath()).
			WithNext("add one of: %s", strings.Join(names, ", "))
	}
	e := errcode.New(errcode.Invalid, "%s: there is no command %q", cmd.CommandPath(), args[0])
	if near := providers.Closest(args[0], names); near != "" {
		return e.WithNext("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return e.WithNext("%s --help", cmd.CommandPath())
}

// flagError makes pflag's errors ours, with the nearest flag.
func flagError(cmd *cobra.Command, err error) error {
	e := errcode.New(errcode.Invalid, "%s: %w", cmd.CommandPath(), err)
	_, name, found := strings.Cut(err.Error(), "unknown flag: --")
	if !found {
		return e.WithNext("%s --help", cmd.CommandPath())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := providers.Closest(name, names); near != "" {
		return e.WithNext("did you mean --%s?", near)
	}
	return e.WithNext("%s --help", cmd.CommandPath())
}

// arguments accepts between least and most arguments; most < 0 has no bound.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return errcode.New(errcode.Invalid, "%s: arguments: %d < %d", cmd.CommandPath(), len(args), least).
				WithNext("%s", cmd.UseLine())
		case most >= 0 && len(args) > most:
			return errcode.New(errcode.Invalid, "%s: arguments: %d > %d: %q is too much", cmd.CommandPath(), len(args), most, args[most]).
				WithNext("%s", cmd.UseLine())
		}
		return nil
	}
}
