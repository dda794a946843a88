package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"latticework/cmd/lattice/internal/deployment"
	"latticework/cmd/lattice/internal/node"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/providers/httpserver"
)

// event reports a step of a long command: with -o json as an object on a line,
// else as text. An empty text is for JSON alone. Who closed the output misses
// it.
func (a *app) event(name string, facts map[string]any, format string, args ...any) {
	if !a.json() {
		if format != "" {
			_, _ = fmt.Fprintf(a.Out, format+"\n", args...)
		}
		return
	}
	all := map[string]any{"event": name, "time": time.Now().UTC().Format(time.RFC3339Nano)}
	for k, v := range facts {
		all[k] = v
	}
	data, err := json.Marshal(all)
	if err == nil {
		_, _ = fmt.Fprintf(a.Out, "%s\n", data)
	}
}

// notice tells of something accepted that was perhaps not meant.
func (a *app) notice(text string) {
	if a.json() {
		a.event("notice", map[string]any{"message": text}, "")
		return
	}
	_, _ = fmt.Fprintf(a.Err, "notice: %s\n", text)
}

// sendPlan uploads the components of an application and deploys it.
func (a *app) sendPlan(ctx context.Context, c *lattice.Client, plan *deployment.Plan, wait bool) error {
	app := plan.Deploy.Application
	for _, image := range plan.Images {
		if _, err := c.PutBlob(ctx, image.Data); err != nil {
			return errcode.New(errcode.Of(err), "send component %q: %w", image.Component, err)
		}
		a.event("uploaded", map[string]any{"component": image.Component, "bytes": len(image.Data), "digest": image.Digest}, "")
	}
	a.event("deploying", map[string]any{"application": app.Name}, "deploying %s", app.Name)
	rep, err := c.DeployApplication(ctx, lattice.DeployRequest{Deploy: plan.Deploy, PutOptions: lattice.PutOptions{Wait: wait}})
	if err != nil {
		return err
	}
	a.event("deployed", map[string]any{
		"application": app.Name, "version": app.Version, "revision": rep.Revision, "unchanged": rep.Unchanged, "waited": wait,
	}, "%s", deployedText(app.Name, rep.Unchanged, wait))
	return nil
}

func deployedText(name string, unchanged, waited bool) string {
	switch {
	case unchanged && waited:
		return "application " + name + " runs, unchanged"
	case unchanged:
		return "application " + name + " is unchanged"
	case waited:
		return "application " + name + " runs"
	}
	return "application " + name + " is committed"
}

// part is what runs and where, as ready says it.
type part struct {
	Kind    string   `json:"kind"` // "component" or "provider"
	Name    string   `json:"name"`
	State   string   `json:"state"`
	Hosts   []string `json:"hosts,omitempty"`
	Address string   `json:"address,omitempty"`
	Message string   `json:"message,omitempty"`
}

// ready waits until everything that was deployed runs, and says where.
func (a *app) ready(ctx context.Context, n *node.Node, data string, plan *deployment.Plan) error {
	parts, err := settled(ctx, n.Client(), plan)
	if err != nil {
		return err
	}
	var http []string
	for _, p := range parts {
		for url := range strings.SplitSeq(p.Address, ",") {
			if url != "" && !slices.Contains(http, url) {
				http = append(http, url)
			}
		}
	}
	first := ""
	if len(http) > 0 {
		first = http[0]
	}
	for _, p := range parts {
		text := fmt.Sprintf("  %-10s %-20s %s", p.Kind, p.Name, p.State)
		if len(p.Hosts) > 0 {
			text += " on " + strings.Join(p.Hosts, ", ")
		}
		if p.Address != "" {
			text += " at " + strings.ReplaceAll(p.Address, ",", " ")
		}
		if p.Message != "" {
			text += ": " + oneLine(p.Message)
		}
		if !a.json() {
			a.event("", nil, "%s", text)
		}
	}
	id := n.Identity()
	text := "ready"
	if first != "" {
		text += ": " + strings.Join(http, " ")
	}
	a.event("ready", map[string]any{
		"nats": n.NATS(), "http": first, "addresses": http, "host": id.Host, "cluster": id.Cluster, "lattice": id.Lattice, "data": data, "parts": parts,
	}, "%s (Ctrl-C stops)", text)
	return nil
}

// settleBudget bounds how long the parts that were deployed in an earlier run
// may take to start before the lattice is ready without them.
const settleBudget = 15 * time.Second

// settled returns what runs, once everything does that is placed on a host.
// Parts of plan have to run; others may take their time.
func settled(ctx context.Context, c *lattice.Client, plan *deployment.Plan) ([]part, error) {
	for began := time.Now(); ; {
		parts, busy, err := listParts(ctx, c)
		if err != nil {
			return nil, err
		}
		if !busy || plan == nil && time.Since(began) > settleBudget {
			return parts, nil
		}
		t := time.NewTimer(20 * time.Millisecond)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, errcode.New(errcode.Of(ctx.Err()), "wait until everything runs: %w", context.Cause(ctx)).
				WithNext("lattice get components, lattice get providers")
		}
	}
}

// listParts returns all parts, and whether some have yet to start.
func listParts(ctx context.Context, c *lattice.Client) (parts []part, busy bool, err error) {
	provs, err := c.ListProviders(ctx)
	if err != nil {
		return nil, false, err
	}
	comps, err := c.ListComponents(ctx)
	if err != nil {
		return nil, false, err
	}
	links, err := c.ListLinks(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, p := range provs.Providers {
		pt := describe("provider", p.Name, p.Problem, p.Hosts)
		listens := p.Technology == httpserver.Name && pt.State == "running" && pt.Address == ""
		for _, l := range links.Links {
			if v := viewLink(l); l.Source == p.Name && v.Message != "" {
				pt.State, pt.Message = "failed", v.Message
			} else if l.Source == p.Name && listens {
				busy = true
			}
		}
		busy = busy || unsettled(pt)
		parts = append(parts, pt)
	}
	for _, r := range comps.Components {
		pt := describe("component", r.Name, r.Problem, r.Hosts)
		for _, l := range links.Links {
			if v := viewLink(l); l.Source == r.Name && v.Message != "" && pt.Message == "" {
				pt.Message = v.Message
			}
		}
		busy = busy || unsettled(pt)
		parts = append(parts, pt)
	}
	return parts, busy, nil
}

func unsettled(p part) bool { return p.State == "starting" || p.State == "placing" }

// describe sums up a workload over its hosts: the least advanced state counts.
func describe(kind, name, problem string, hosts []lattice.WorkloadOnHost) part {
	p := part{Kind: kind, Name: name, State: "running", Message: problem}
	if len(hosts) == 0 {
		p.State = "placing"
		if problem != "" {
			p.State = "unplaced"
		}
	}
	var addresses []string
	for _, h := range hosts {
		if h.Assigned == 0 && h.State != "running" {
			continue
		}
		label := h.HostName
		if label == "" {
			label = string(h.Host)
		}
		p.Hosts = append(p.Hosts, label)
		switch {
		case h.State == "failed":
			p.State = h.State
		case h.State != "running" && p.State == "running":
			p.State = "starting"
		}
		if h.Message != "" {
			p.Message = h.Message
		}
		if h.Address != "" {
			addresses = append(addresses, h.Address)
		}
	}
	p.Address = strings.Join(addresses, ",")
	return p
}
