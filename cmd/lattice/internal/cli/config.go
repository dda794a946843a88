package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

func (a *app) configCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List configs", Example: "  lattice config list", Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd.Context(), readBudget, a.getConfigs)
		},
	}
	return parent(&cobra.Command{
		Use: "config", Short: "Named sets of values for components, providers and links",
		Long: "Configs are named sets of values. Components read them through wasi:config,\nproviders get them for themselves or for a link. They are not secret: everybody\nwho reaches the lattice can read them.",
		Example: `  lattice config put redis-eu address=10.0.0.5:6379 database=2
  lattice config get redis-eu
  lattice config delete redis-eu`,
	}, a.configPut(), a.configGet(), list, a.configDelete())
}

func (a *app) configPut() *cobra.Command {
	var wait bool
	var expect uint64
	c := &cobra.Command{
		Use: "put NAME KEY=VALUE...", Short: "Create or replace a config",
		Long:    "Create the config, or replace all its values. Links and\nproviders in use that name it are tried with the new values first; if one refuses\nthem, nothing changes.",
		Example: "  lattice config put redis-eu address=10.0.0.5:6379 database=2",
		Args:    arguments(1, -1), ValidArgsFunction: a.completing(0, configNames),
	}
	c.Flags().BoolVar(&wait, "wait", true, "wait until every affected host has applied it")
	c.Flags().Uint64Var(&expect, "expect", 0, "the revision that it must have now; 0: it must not exist (default any)")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		values, err := keyValues("value", args[1:])
		if err != nil {
			return err
		}
		r := lattice.PutConfigRequest{Config: linkstate.Config{Name: args[0], Values: values}, PutOptions: lattice.PutOptions{Wait: wait}}
		if cmd.Flags().Changed("expect") {
			r.Expect = &expect
		}
		return a.withClient(cmd.Context(), writeBudget, func(ctx context.Context, c *lattice.Client) error {
			rep, err := c.PutConfig(ctx, r)
			if err != nil {
				return err
			}
			return a.print(writeView("config", args[0], rep), func(w io.Writer) {
				if rep.Unchanged {
					_, _ = fmt.Fprintf(w, "config %s is unchanged\n", args[0])
					return
				}
				_, _ = fmt.Fprintf(w, "config %s has %s%s\n", args[0], count(len(values), "value"), appliedText(rep.Applied, rep.Pending))
			})
		})
	}
	return c
}

// configView is a config as it is printed.
type configView struct {
	Name        string            `json:"name"`
	Values      map[string]string `json:"values"`
	Application string            `json:"application,omitempty"`
	Revision    uint64            `json:"revision"`
}

func viewConfig(c linkstate.Config) configView {
	return configView{c.Name, c.Values, c.App, c.Revision}
}

func (a *app) configGet() *cobra.Command {
	return &cobra.Command{
		Use: "get NAME", Short: "Show a config", Example: "  lattice config get redis-eu -o json",
		Args: arguments(1, 1), ValidArgsFunction: a.completing(0, configNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), readBudget, func(ctx context.Context, c *lattice.Client) error {
				cfg, err := c.GetConfig(ctx, args[0])
				if err != nil {
					if errcode.Of(err) == errcode.NotFound {
						if hinted := exists(ctx, c, "config", args[0], configNames); hinted != nil {
							return hinted
						}
					}
					return err
				}
				return a.print(viewConfig(cfg), func(w io.Writer) {
					for _, k := range slices.Sorted(maps.Keys(cfg.Values)) {
						_, _ = fmt.Fprintf(w, "%s=%s\n", k, cfg.Values[k])
					}
				})
			})
		},
	}
}

func (a *app) configDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Remove a config that nothing uses; one that does not exist is no error",
		Example: "  lattice config delete redis-eu",
		Args:    arguments(1, 1), ValidArgsFunction: a.completing(0, configNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), writeBudget, func(ctx context.Context, c *lattice.Client) error {
				rep, err := c.DeleteConfig(ctx, lattice.NameRequest{Name: args[0]})
				if err != nil {
					return err
				}
				return a.print(writeView("config", args[0], rep), func(w io.Writer) {
					text := "deleted config " + args[0]
					if rep.Unchanged {
						text = "there was no config " + args[0]
					}
					_, _ = fmt.Fprintln(w, text)
				})
			})
		},
	}
}

func (a *app) getConfigs(ctx context.Context, c *lattice.Client) error {
	rep, err := c.ListConfigs(ctx)
	if err != nil {
		return err
	}
	views := []configView{}
	for _, cfg := range rep.Configs {
		views = append(views, viewConfig(cfg))
	}
	return a.print(map[string]any{"configs": views}, func(w io.Writer) {
		var rows [][]string
		for _, v := range views {
			rows = append(rows, []string{v.Name, v.Application, fmt.Sprint(v.Revision),
				oneLine(strings.Join(slices.Sorted(maps.Keys(v.Values)), ","))})
		}
		table(w, []string{"NAME", "APPLICATION", "REVISION", "KEYS"}, rows)
	})
}
