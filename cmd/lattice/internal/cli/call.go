package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"latticework/internal/errcode"
	"latticework/lattice"
)

func (a *app) callCommand() *cobra.Command {
	return &cobra.Command{
		Use: "call COMPONENT 'NS:PKG/IFACE.FUNC(ARGUMENTS)'", Short: "Call a function that a component exports",
		Long: "Call a function that a component exports, on one of the hosts that run it, and\nprint its result. Arguments and result are WAVE text: 1, -2.5, \"text\", 'c',\ntrue, [1, 2], (1, \"a\"), {name: \"x\", count: 2}, some(1), ok(3), err(\"no\"),\nname-of-a-case, {flag-a, flag-b}.\n\nThe version, and what comes before the interface's name, may be left out where\nthat is clear.",
		Example: `  lattice call shapes 'demo:pure/shapes@0.1.0.greet("you")'
  lattice call shapes 'shapes.area(circle(2.0))' -o json`,
		Args: arguments(2, 2), ValidArgsFunction: a.completing(0, componentNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), writeBudget, func(ctx context.Context, c *lattice.Client) error {
				rep, err := c.Call(ctx, args[0], args[1])
				if errcode.Of(err) == errcode.NotFound {
					if hinted := exists(ctx, c, "component", args[0], componentNames); hinted != nil {
						return hinted
					}
				}
				if err != nil {
					return err
				}
				out := struct {
					Result string         `json:"result"`
					Host   lattice.HostID `json:"host"`
				}{rep.Text, rep.Host}
				return a.print(out, func(w io.Writer) {
					if rep.Text != "" {
						_, _ = fmt.Fprintln(w, rep.Text)
					}
				})
			})
		},
	}
}
