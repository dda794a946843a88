package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latticework/lattice"
)

func (a *app) getCommand() *cobra.Command {
	list := func(use, alias, short string, run func(ctx context.Context, c *lattice.Client) error) *cobra.Command {
		return &cobra.Command{
			Use: use, Aliases: []string{alias}, Short: short, Args: arguments(0, 0),
			Example: "  lattice get " + use + "\n  lattice get " + use + " -o json",
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.withClient(cmd.Context(), readBudget, run)
			},
		}
	}
	return parent(&cobra.Command{
		Use: "get", Short: "Show what is in a lattice and how it is",
		Example: "  lattice get hosts\n  lattice get components\n  lattice get links -o json",
	},
		list("hosts", "host", "List the hosts of the lattice", a.getHosts),
		list("components", "component", "List components and where they run", a.getComponents),
		list("providers", "provider", "List providers and where they run", a.getProviders),
		list("links", "link", "List links and how they are", a.getLinks),
		list("applications", "application", "List applications and how they are", a.getApplications),
		list("configs", "config", "List configs", a.getConfigs),
	)
}

// hostView is a host as it is printed.
type hostView struct {
	ID           lattice.HostID    `json:"id"`
	Name         string            `json:"name"`
	State        string            `json:"state"`
	Draining     bool              `json:"draining"`
	Zone         string            `json:"zone,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Version      string            `json:"version,omitempty"`
	Components   []string          `json:"components"`
	Providers    []string          `json:"providers"`
	Load         float64           `json:"load"`
	Applied      uint64            `json:"applied"`
	LastSeenSecs float64           `json:"last_seen_seconds"`
}

func (a *app) getHosts(ctx context.Context, c *lattice.Client) error {
	rep, err := c.ListHosts(ctx)
	if err != nil {
		return err
	}
	views := []hostView{}
	for _, h := range rep.Hosts {
		v := hostView{
			ID: h.Host, Name: h.Inventory.Name, State: h.State, Draining: h.Draining, Zone: h.Inventory.Zone,
			Labels: h.Inventory.Labels, Version: h.Inventory.Version, Load: h.Load, Applied: h.Applied,
			LastSeenSecs: h.LastSeen.Seconds(), Components: []string{}, Providers: []string{},
		}
		for _, w := range h.Inventory.Components {
			v.Components = append(v.Components, w.Name)
		}
		for _, w := range h.Inventory.Providers {
			v.Providers = append(v.Providers, w.Name)
		}
		views = append(views, v)
	}
	return a.print(map[string]any{"hosts": views}, func(w io.Writer) {
		var rows [][]string
		for _, v := range views {
			state := v.State
			if v.Draining {
				state += ", draining"
			}
			rows = append(rows, []string{v.Name, string(v.ID), state, v.Zone, labelText(v.Labels),
				strconv.Itoa(len(v.Components)), strconv.Itoa(len(v.Providers)), seen(v.LastSeenSecs)})
		}
		table(w, []string{"NAME", "ID", "STATE", "ZONE", "LABELS", "COMPONENTS", "PROVIDERS", "SEEN"}, rows)
	})
}

func seen(seconds float64) string {
	return time.Duration(seconds*float64(time.Second)).Round(100*time.Millisecond).String() + " ago"
}

func labelText(labels map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, k+"="+labels[k])
	}
	return strings.Join(out, ",")
}

// workloadView is a component or provider as it is printed.
type workloadView struct {
	Name        string       `json:"name"`
	Application string       `json:"application,omitempty"`
	Technology  string       `json:"technology,omitempty"`
	Image       string       `json:"image,omitempty"`
	Digest      string       `json:"digest,omitempty"`
	Instances   uint32       `json:"instances"`
	State       string       `json:"state"`
	Message     string       `json:"message,omitempty"`
	Config      []string     `json:"config,omitempty"`
	Revision    uint64       `json:"revision"`
	Hosts       []onHostView `json:"hosts"`
}

type onHostView struct {
	Host     lattice.HostID `json:"host"`
	Name     string         `json:"name,omitempty"`
	Assigned uint32         `json:"assigned"`
	State    string         `json:"state"`
	Message  string         `json:"message,omitempty"`
	Address  string         `json:"address,omitempty"`
	Revision uint64         `json:"revision"`
}

func onHosts(hosts []lattice.WorkloadOnHost) []onHostView {
	out := []onHostView{}
	for _, h := range hosts {
		out = append(out, onHostView{Host: h.Host, Name: h.HostName, Assigned: h.Assigned, State: h.State,
			Message: h.Message, Address: h.Address, Revision: h.Revision})
	}
	return out
}

func (a *app) getComponents(ctx context.Context, c *lattice.Client) error {
	rep, err := c.ListComponents(ctx)
	if err != nil {
		return err
	}
	views := []workloadView{}
	for _, r := range rep.Components {
		p := describe("component", r.Name, r.Problem, r.Hosts)
		views = append(views, workloadView{Name: r.Name, Application: r.App, Image: r.Image.Ref, Digest: r.Image.Digest,
			Instances: max(r.Instances, 1), State: p.State, Message: p.Message, Config: r.Config, Revision: r.Revision, Hosts: onHosts(r.Hosts)})
	}
	return a.printWorkloads("components", "IMAGE", views, func(v workloadView) string { return v.Image })
}

func (a *app) getProviders(ctx context.Context, c *lattice.Client) error {
	rep, err := c.ListProviders(ctx)
	if err != nil {
		return err
	}
	views := []workloadView{}
	for _, r := range rep.Providers {
		p := describe("provider", r.Name, r.Problem, r.Hosts)
		views = append(views, workloadView{Name: r.Name, Application: r.App, Technology: r.Technology, Image: r.Image.Ref,
			Instances: max(r.Instances, 1), State: p.State, Message: p.Message, Config: r.Config, Revision: r.Revision, Hosts: onHosts(r.Hosts)})
	}
	return a.printWorkloads("providers", "TECHNOLOGY", views, func(v workloadView) string { return v.Technology })
}

func (a *app) printWorkloads(key, column string, views []workloadView, what func(workloadView) string) error {
	return a.print(map[string]any{key: views}, func(w io.Writer) {
		var rows [][]string
		for _, v := range views {
			var hosts []string
			for _, h := range v.Hosts {
				text := h.Name
				if text == "" {
					text = string(h.Host)
				}
				if h.Address != "" {
					text += " (" + h.Address + ")"
				}
				hosts = append(hosts, text)
			}
			rows = append(rows, []string{v.Name, v.Application, what(v), v.State, fmt.Sprint(v.Instances), strings.Join(hosts, ", "), oneLine(v.Message)})
		}
		table(w, []string{"NAME", "APPLICATION", column, "STATE", "INSTANCES", "HOSTS", "MESSAGE"}, rows)
	})
}

func (a *app) getApplications(ctx context.Context, c *lattice.Client) error {
	rep, err := c.ListApplications(ctx)
	if err != nil {
		return err
	}
	type view struct {
		Name        string   `json:"name"`
		Version     string   `json:"version,omitempty"`
		Description string   `json:"description,omitempty"`
		Status      string   `json:"status"`
		Problems    []string `json:"problems"`
		Revision    uint64   `json:"revision"`
	}
	views := []view{}
	for _, r := range rep.Applications {
		views = append(views, view{r.Name, r.Version, r.Description, r.Status, notNil(r.Problems), r.Revision})
	}
	return a.print(map[string]any{"applications": views}, func(w io.Writer) {
		var rows [][]string
		for _, v := range views {
			rows = append(rows, []string{v.Name, v.Version, v.Status, oneLine(strings.Join(v.Problems, "; "))})
		}
		table(w, []string{"NAME", "VERSION", "STATUS", "PROBLEMS"}, rows)
	})
}
