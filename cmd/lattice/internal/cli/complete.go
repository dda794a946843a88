package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"latticework/internal/errcode"
	"latticework/lattice"
)

// completer proposes arguments.
type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective)

func fixed(values ...string) completer {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// completing asks the lattice for names, briefly; without an answer there are
// no proposals. at is the argument it is for, from 0; negative for any.
func (a *app) completing(at int, list func(ctx context.Context, c *lattice.Client) ([]string, error)) completer {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if at >= 0 && len(args) != at {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if a.checkFlags(cmd) != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		var names []string
		err := a.withClient(ctx, 500*time.Millisecond, func(ctx context.Context, c *lattice.Client) (err error) {
			names, err = list(ctx, c)
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func componentNames(ctx context.Context, c *lattice.Client) ([]string, error) {
	rep, err := c.ListComponents(ctx)
	var names []string
	for _, r := range rep.Components {
		names = append(names, r.Name)
	}
	return names, err
}

func targetNames(ctx context.Context, c *lattice.Client) ([]string, error) {
	names, err := componentNames(ctx, c)
	if err != nil {
		return nil, err
	}
	rep, err := c.ListProviders(ctx)
	for _, r := range rep.Providers {
		names = append(names, r.Name)
	}
	return names, err
}

func configNames(ctx context.Context, c *lattice.Client) ([]string, error) {
	rep, err := c.ListConfigs(ctx)
	var names []string
	for _, r := range rep.Configs {
		names = append(names, r.Name)
	}
	return names, err
}

func applicationNames(ctx context.Context, c *lattice.Client) ([]string, error) {
	rep, err := c.ListApplications(ctx)
	var names []string
	for _, r := range rep.Applications {
		names = append(names, r.Name)
	}
	return names, err
}

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print a script that completes commands in a shell",
		Long: "Print a script that completes commands, flags and names of the lattice in\nbash, zsh, fish or powershell.",
		Example: `  source <(lattice completion bash)
  lattice completion zsh > "${fpath[1]}/_lattice"
  lattice completion fish > ~/.config/fish/completions/lattice.fish`,
		Args: arguments(1, 1), ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Out, true)
			case "zsh":
				return root.GenZshCompletion(a.Out)
			case "fish":
				return root.GenFishCompletion(a.Out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.Out)
			}
			return errcode.New(errcode.Invalid, "completion: shell %q is not known", args[0]).WithNext("use bash, zsh, fish or powershell")
		},
	}
}
