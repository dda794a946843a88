package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"latticework/internal/errcode"
	"latticework/lattice"
)

func (a *app) deployCommand() *cobra.Command {
	var wait bool
	var httpListen string
	c := &cobra.Command{
		Use: "deploy MANIFEST|FOLDER", Short: "Deploy an application to a lattice",
		Long: "Check a manifest and its components, send them to the lattice, and wait until\nevery part runs. What was deployed under the same name is replaced in one step;\nthe same content again changes nothing.",
		Example: `  lattice deploy examples/counter
  lattice deploy app.yaml --nats nats://10.0.0.7:4222
  lattice deploy app.yaml --wait=false -o json`,
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := a.budget(cmd.Context(), deployBudget)
			defer cancel()
			e, err := newEngine(ctx, codeCache(), 0)
			if err != nil {
				return err
			}
			defer func() { _ = e.Close(context.WithoutCancel(ctx)) }()
			plan, err := a.plan(ctx, e, args[0], httpListen)
			if err != nil {
				return err
			}
			return a.withClient(ctx, deployBudget, func(ctx context.Context, c *lattice.Client) error {
				return a.sendPlan(ctx, c, plan, wait)
			})
		},
	}
	c.Flags().BoolVar(&wait, "wait", true, "wait until every part runs")
	c.Flags().StringVar(&httpListen, "http-listen", "", "where HTTP servers listen instead of where the manifest says")
	return c
}

func (a *app) deleteCommand() *cobra.Command {
	application := &cobra.Command{
		Use: "application NAME", Aliases: []string{"app"}, Short: "Remove an application with all its parts",
		Example: "  lattice delete application counter",
		Args:    arguments(1, 1), ValidArgsFunction: a.completing(0, applicationNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), writeBudget, func(ctx context.Context, c *lattice.Client) error {
				if err := exists(ctx, c, "application", args[0], applicationNames); err != nil {
					return err
				}
				rep, err := c.DeleteApplication(ctx, lattice.NameRequest{Name: args[0], PutOptions: lattice.PutOptions{Wait: true}})
				if err != nil {
					return err
				}
				return a.print(writeView("application", args[0], rep), func(w io.Writer) {
					_, _ = fmt.Fprintf(w, "deleted application %s%s\n", args[0], appliedText(rep.Applied, rep.Pending))
				})
			})
		},
	}
	return parent(&cobra.Command{
		Use: "delete", Short: "Remove an application", Example: "  lattice delete application counter",
	}, application)
}

// exists refuses a name that is not among those of the lattice, with the
// nearest.
func exists(ctx context.Context, c *lattice.Client, what, name string, list func(context.Context, *lattice.Client) ([]string, error)) error {
	names, err := list(ctx, c)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n == name {
			return nil
		}
	}
	e := errcode.New(errcode.NotFound, "%s %q does not exist", what, name)
	if hint := nearest(name, names); hint != "" {
		return e.WithNext("%s", hint)
	}
	return e
}

// written is the answer to a write, as JSON.
type written struct {
	Kind      string           `json:"kind"`
	Name      string           `json:"name"`
	Revision  uint64           `json:"revision,omitempty"`
	Unchanged bool             `json:"unchanged"`
	Applied   []lattice.HostID `json:"applied"`
	Pending   []lattice.HostID `json:"pending"`
}

func writeView(kind, name string, r lattice.WriteReply) written {
	return written{Kind: kind, Name: name, Revision: r.Revision, Unchanged: r.Unchanged,
		Applied: notNil(r.Applied), Pending: notNil(r.Pending)}
}

// notNil makes an absent list an empty one, for JSON.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// appliedText says on how many hosts a change is in effect.
func appliedText(applied, pending []lattice.HostID) string {
	switch {
	case len(applied)+len(pending) == 0:
		return ""
	case len(pending) == 0:
		return fmt.Sprintf(", in effect on %s", count(len(applied), "host"))
	}
	return fmt.Sprintf(", in effect on %d of %s; not confirmed by %v", len(applied), count(len(applied)+len(pending), "host"), pending)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
