package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// linkFlags are those of the link commands.
type linkFlags struct {
	name         string
	to           string
	config       []string
	sourceConfig []string
	wait         bool
	drain        time.Duration
	expect       uint64
}

func (a *app) linkCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "link", Short: "Say where imports of components lead",
		Long: "A link leads an import of a component (or the calls of a provider such as an\nHTTP server) to a target: a provider or another component.",
		Example: `  lattice link list
  lattice link get counter wasi:keyvalue
  lattice link swap counter wasi:keyvalue --to store-redis
  lattice link put counter wasi:keyvalue/store,atomics --to store
  lattice link delete counter wasi:keyvalue`,
	}, a.linkPut(), a.linkGet(), a.linkList(), a.linkDelete(), a.linkSwap())
}

func (f *linkFlags) query(a *app, c *cobra.Command) {
	c.Args = arguments(2, 2)
	c.ValidArgsFunction = a.completing(0, targetNames)
	c.Flags().StringVar(&f.name, "name", "", "the link's name, where a component has several for one package (default \"default\")")
}

func (f *linkFlags) target(a *app, c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&f.to, "to", "", "the target: a provider or component")
	fs.StringSliceVar(&f.config, "config", nil, "configs that the target gets for this link, later ones first")
	fs.BoolVar(&f.wait, "wait", false, "wait until the old target has drained, too")
	fs.DurationVar(&f.drain, "drain", 0, "how long what is open on the old target may take (default 30s)")
	f.expected(c)
	_ = c.RegisterFlagCompletionFunc("to", a.completing(-1, targetNames))
	_ = c.RegisterFlagCompletionFunc("config", a.completing(-1, configNames))
}

func (f *linkFlags) expected(c *cobra.Command) {
	c.Flags().Uint64Var(&f.expect, "expect", 0, "the revision that it must have now; 0: it must not exist (default any)")
}

// options are those of a write; cmd says which flags were given.
func (f *linkFlags) options(cmd *cobra.Command) lattice.PutOptions {
	o := lattice.PutOptions{Wait: f.wait, DrainBudget: f.drain}
	if cmd.Flags().Changed("expect") {
		o.Expect = &f.expect
	}
	return o
}

func (a *app) linkSwap() *cobra.Command {
	f := &linkFlags{}
	c := &cobra.Command{
		Use: "swap SOURCE PACKAGE --to TARGET", Short: "Lead a link to another target while requests flow",
		Long: "Lead a link to another target while requests flow. The new target is prepared\nand tried first; if it refuses, nothing changes. When the command has ended, no\nnew call reaches the old target.",
		Example: `  lattice link swap counter wasi:keyvalue --to store-redis
  lattice link swap counter wasi:keyvalue --to store-redis --config redis-eu --wait`,
	}
	f.query(a, c)
	f.target(a, c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := f.checked(cmd, args)
		if err != nil {
			return err
		}
		r := lattice.SwapLinkRequest{LinkQuery: q, To: f.to, PutOptions: f.options(cmd)}
		if cmd.Flags().Changed("config") {
			r.Config = notNil(f.config)
		}
		return a.withClient(cmd.Context(), writeBudget, func(ctx context.Context, c *lattice.Client) error {
			rep, err := c.SwapLink(ctx, r)
			if err != nil {
				return err
			}
			return a.printWrite(rep, f.wait)
		})
	}
	return c
}

// checked reads what names the link, and wants a target.
func (f *linkFlags) checked(cmd *cobra.Command, args []string) (lattice.LinkQuery, error) {
	q, err := linkQuery(args[0], args[1], f.name)
	if err == nil && f.to == "" {
		err = errcode.New(errcode.Invalid, "%s: flag --to is missing", cmd.CommandPath()).WithNext("name the target with --to; lattice get providers lists them")
	}
	return q, err
}

func (a *app) linkPut() *cobra.Command {
	f := &linkFlags{}
	c := &cobra.Command{
		Use: "put SOURCE PACKAGE/INTERFACES --to TARGET", Short: "Create or replace a link",
		Long: "Create the link with this source, package, interfaces and name, or replace it.\nWhere that changes the target it is a swap.",
		Example: `  lattice link put counter wasi:keyvalue/store,atomics --to store
  lattice link put web wasi:http/incoming-handler --to counter --source-config address
  lattice link put counter wasi:keyvalue/store --to store --expect 0`,
	}
	f.query(a, c)
	f.target(a, c)
	c.Flags().StringSliceVar(&f.sourceConfig, "source-config", nil, "configs that the source gets for this link")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := f.checked(cmd, args)
		if err != nil {
			return err
		}
		if len(q.Interfaces) == 0 {
			return errcode.New(errcode.Invalid, "%s: %q names no interface", cmd.CommandPath(), args[1]).
				WithNext("write for example wasi:keyvalue/store,atomics")
		}
		ns, pkg, _ := strings.Cut(q.Package, ":")
		link := linkstate.Link{
			LinkKey:      linkstate.LinkKey{Source: q.Source, Name: f.name, Namespace: ns, Package: pkg, Interfaces: q.Interfaces},
			Targets:      []linkstate.Target{{Name: f.to, Config: f.config}},
			SourceConfig: f.sourceConfig,
		}
		return a.withClient(cmd.Context(), writeBudget, func(ctx context.Context, c *lattice.Client) error {
			rep, err := c.PutLink(ctx, lattice.PutLinkRequest{Link: link, PutOptions: f.options(cmd)})
			if err != nil {
				return err
			}
			return a.printWrite(rep, f.wait)
		})
	}
	return c
}

func (a *app) linkDelete() *cobra.Command {
	f := &linkFlags{}
	c := &cobra.Command{
		Use: "delete SOURCE PACKAGE", Short: "Remove a link; one that does not exist is no error",
		Example: "  lattice link delete counter wasi:keyvalue",
	}
	f.query(a, c)
	f.expected(c)
	c.Flags().BoolVar(&f.wait, "wait", false, "wait until every affected host has applied it")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := linkQuery(args[0], args[1], f.name)
		if err != nil {
			return err
		}
		return a.withClient(cmd.Context(), writeBudget, func(ctx context.Context, c *lattice.Client) error {
			rep, err := c.DeleteLink(ctx, lattice.DeleteLinkRequest{LinkQuery: q, PutOptions: f.options(cmd)})
			if err != nil {
				return err
			}
			text := fmt.Sprintf("deleted link %s %s", q.Source, args[1])
			if rep.Unchanged {
				text = fmt.Sprintf("there was no link %s %s", q.Source, args[1])
			}
			return a.print(map[string]any{"deleted": !rep.Unchanged, "unchanged": rep.Unchanged, "index": rep.Index,
				"applied": notNil(rep.Applied), "pending": notNil(rep.Pending)},
				func(w io.Writer) { _, _ = fmt.Fprintln(w, text+appliedText(rep.Applied, rep.Pending)) })
		})
	}
	return c
}

// printWrite says what became of a link that was put or swapped.
func (a *app) printWrite(rep lattice.LinkReply, waited bool) error {
	v := struct {
		Link      linkView         `json:"link"`
		Unchanged bool             `json:"unchanged"`
		Applied   []lattice.HostID `json:"applied"`
		Pending   []lattice.HostID `json:"pending"`
		Drained   bool             `json:"drained"`
		Cut       []cutView        `json:"cut"`
	}{viewLink(lattice.LinkStatus{Link: rep.Link}), rep.Unchanged, notNil(rep.Applied), notNil(rep.Pending), rep.Drained, []cutView{}}
	for _, c := range rep.Cut {
		v.Cut = append(v.Cut, cutView(c))
	}
	return a.print(v, func(w io.Writer) {
		state := "leads"
		if rep.Unchanged {
			state = "already led"
		}
		_, _ = fmt.Fprintf(w, "link %s %s to %s%s\n", v.Link.Key, state, v.Link.Target, appliedText(rep.Applied, rep.Pending))
		if !waited || rep.Unchanged {
			return
		}
		if len(v.Cut) == 0 && rep.Drained {
			_, _ = fmt.Fprintln(w, "the old target has drained")
		}
		for _, c := range v.Cut {
			_, _ = fmt.Fprintf(w, "cut off on host %s: %s, %s\n", c.Host, count(c.Calls, "call"), count(c.Handles, "open handle"))
		}
	})
}

// cutView is what was still open on an old target when its time was over.
type cutView struct {
	Host    lattice.HostID `json:"host"`
	Calls   int            `json:"calls"`
	Handles int            `json:"handles"`
}
