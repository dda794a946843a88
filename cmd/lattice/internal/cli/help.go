package cli

import (
	"slices"

	"github.com/spf13/cobra"
)

// helpCommand is `lattice help`, which shows what --help of a command shows.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND [SUBCOMMAND]]", Short: "Show what a command does and how",
		Long: "Show what a command does, its flags and examples, as --help of the command\ndoes; without a command what there is.",
		Example: `  lattice help
  lattice help run
  lattice help link swap`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			of, rest := descend(cmd.Root(), args)
			if len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []cobra.Completion
			for _, c := range subcommands(of) {
				names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest := descend(cmd.Root(), args)
			if len(rest) > 0 {
				return unknownSubcommand(of, rest)
			}
			of.InitDefaultHelpFlag() // shown among its flags
			return of.Help()
		},
	}
}

// descend follows names of commands from c as far as there are such.
func descend(c *cobra.Command, names []string) (of *cobra.Command, rest []string) {
	for i, name := range names {
		all := subcommands(c)
		at := slices.IndexFunc(all, func(s *cobra.Command) bool { return s.Name() == name || s.HasAlias(name) })
		if at < 0 {
			return c, names[i:]
		}
		c = all[at]
	}
	return c, nil
}

// subcommands returns the commands below c that a user may give, help among
// them.
func subcommands(c *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, s := range c.Commands() {
		if s.IsAvailableCommand() || !s.Hidden && s.Name() == "help" { // of which cobra says that it is not
			all = append(all, s)
		}
	}
	return all
}
