package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"latticework/lattice"
)

// linkView is a link as it is printed.
type linkView struct {
	Key          string         `json:"key"`
	Source       string         `json:"source"`
	Name         string         `json:"name"`
	Package      string         `json:"package"`
	Interfaces   []string       `json:"interfaces"`
	Target       string         `json:"target"`
	Config       []string       `json:"config,omitempty"`
	SourceConfig []string       `json:"source_config,omitempty"`
	Application  string         `json:"application,omitempty"`
	Generation   uint64         `json:"generation"`
	Revision     uint64         `json:"revision"`
	State        string         `json:"state"` // "applied", "applying", "swapping", "draining", "failed"
	Message      string         `json:"message,omitempty"`
	Next         string         `json:"next,omitempty"`
	Draining     []string       `json:"draining,omitempty"` // old targets that still have calls
	Hosts        []linkHostView `json:"hosts"`
}

type linkHostView struct {
	Host    lattice.HostID `json:"host"`
	Live    bool           `json:"live"`
	Applied bool           `json:"applied"`
	Message string         `json:"message,omitempty"`
}

func viewLink(l lattice.LinkStatus) linkView {
	v := linkView{
		Key: l.Key().String(), Source: l.Source, Name: l.Name, Package: l.PackageName(), Interfaces: notNil(l.Interfaces),
		SourceConfig: l.SourceConfig, Application: l.App, Generation: l.Generation, Revision: l.Revision,
		State: "applied", Hosts: []linkHostView{},
	}
	if len(l.Targets) > 0 {
		v.Target, v.Config = l.Targets[0].Name, l.Targets[0].Config
	}
	for _, d := range l.Drains {
		if len(d.Targets) > 0 {
			v.Draining, v.State = append(v.Draining, d.Targets[0].Name), "draining"
		}
	}
	if l.Swap != nil {
		v.State = "swapping"
	}
	for _, h := range l.Hosts {
		hv := linkHostView{Host: h.Host, Live: h.Live, Applied: h.Applied}
		if h.Live && !h.Applied {
			v.State = "applying"
		}
		if h.Error != nil {
			hv.Message = h.Error.Msg
			v.Message, v.Next = h.Error.Msg, h.Error.Next
		}
		v.Hosts = append(v.Hosts, hv)
	}
	if v.Message != "" {
		v.State = "failed"
	}
	return v
}

func (a *app) getLinks(ctx context.Context, c *lattice.Client) error {
	rep, err := c.ListLinks(ctx)
	if err != nil {
		return err
	}
	views := []linkView{}
	for _, l := range rep.Links {
		views = append(views, viewLink(l))
	}
	return a.print(map[string]any{"links": views}, func(w io.Writer) {
		var rows [][]string
		for _, v := range views {
			rows = append(rows, []string{v.Source, v.Name, v.Package, strings.Join(v.Interfaces, ","), v.Target,
				strings.Join(v.Config, ","), v.State, oneLine(v.Message)})
		}
		table(w, []string{"SOURCE", "NAME", "PACKAGE", "INTERFACES", "TARGET", "CONFIG", "STATE", "MESSAGE"}, rows)
	})
}

func (a *app) linkList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List links and how they are", Example: "  lattice link list\n  lattice link list -o json",
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd.Context(), readBudget, a.getLinks)
		},
	}
}

func (a *app) linkGet() *cobra.Command {
	f := &linkFlags{}
	c := &cobra.Command{
		Use: "get SOURCE PACKAGE", Short: "Show a link and how it is on each host it affects",
		Example: "  lattice link get counter wasi:keyvalue\n  lattice link get counter wasi:keyvalue/store -o json",
	}
	f.query(a, c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := linkQuery(args[0], args[1], f.name)
		if err != nil {
			return err
		}
		return a.withClient(cmd.Context(), readBudget, func(ctx context.Context, c *lattice.Client) error {
			l, err := c.GetLink(ctx, q)
			if err != nil {
				return err
			}
			v := viewLink(l)
			return a.print(v, func(w io.Writer) { v.print(w) })
		})
	}
	return c
}

func (v linkView) print(w io.Writer) {
	line := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(w, "%-14s %s\n", name, value)
		}
	}
	line("source", v.Source)
	line("name", v.Name)
	line("interfaces", v.Package+"/"+strings.Join(v.Interfaces, ","))
	line("target", v.Target)
	line("config", strings.Join(v.Config, ", "))
	line("source config", strings.Join(v.SourceConfig, ", "))
	line("application", v.Application)
	line("state", v.State)
	line("message", v.Message)
	line("next", v.Next)
	line("draining", strings.Join(v.Draining, ", "))
	line("generation", fmt.Sprint(v.Generation))
	line("revision", fmt.Sprint(v.Revision))
	for _, h := range v.Hosts {
		state := "applied"
		switch {
		case !h.Live:
			state = "not live"
		case !h.Applied:
			state = "applying"
		}
		if h.Message != "" {
			state += ": " + h.Message
		}
		line("host", string(h.Host)+" "+state)
	}
}
