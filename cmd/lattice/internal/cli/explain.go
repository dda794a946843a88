package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"latticework/cmd/lattice/internal/wiring"
	"latticework/components"
	"latticework/host"
	"latticework/internal/errcode"
	"latticework/internal/grant"
	"latticework/lattice"
	"latticework/lattice/linkstate"
	"latticework/wit"
	"latticework/wit/abi"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain COMPONENT", Short: "Show what a component was given, and why",
		Long: "Show of a component of the lattice where each import leads and why: over which\nlink to what, or built into the host; what it is granted outside and where that\nwas written; its limits; and what it asks for and does not get, with the next step.",
		Example: `  lattice explain counter
  lattice explain counter -o json`,
		Args: arguments(1, 1), ValidArgsFunction: a.completing(0, componentNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd.Context(), writeBudget, func(ctx context.Context, c *lattice.Client) error {
				v, err := explain(ctx, c, args[0])
				if err != nil {
					return err
				}
				return a.print(v, v.print)
			})
		},
	}
}

// explanation is a component and what it was given, as it is printed.
type explanation struct {
	Name        string      `json:"name"`
	Application string      `json:"application,omitempty"`
	Image       string      `json:"image"`
	Digest      string      `json:"digest"`
	State       string      `json:"state"`
	Message     string      `json:"message,omitempty"`
	Config      []string    `json:"config"`
	Imports     []givenView `json:"imports"`
	Grants      []grantView `json:"grants"`
	// Limits are those that it states.
	Limits  linkstate.Limits `json:"limits"`
	Missing []lackView       `json:"missing"`
	Hosts   []onHostView     `json:"hosts"`
}

// givenView is an import and what serves it: "link", "host" for what is built
// in, "types" where there is nothing to serve, or "nothing".
type givenView struct {
	Name       string   `json:"name"`
	Topic      string   `json:"topic"`
	ServedBy   string   `json:"served_by"`
	Link       string   `json:"link,omitempty"`
	Target     string   `json:"target,omitempty"`
	Technology string   `json:"technology,omitempty"`
	Config     []string `json:"config,omitempty"`
	State      string   `json:"state,omitempty"`
	Why        string   `json:"why"`
}

type grantView struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	From string `json:"from"`
}

// lackView is something that a component asks for and does not get.
type lackView struct {
	Topic      string   `json:"topic"`
	Interfaces []string `json:"interfaces"`
	Why        string   `json:"why"`
	Next       string   `json:"next"`
}

// explainer knows what an explanation is made of.
type explainer struct {
	record    lattice.ComponentStatus
	links     []lattice.LinkStatus
	providers map[string]string // technology by name
	builtins  []*abi.Interface
	set       grant.Set
	out       *explanation
}

// explain asks the lattice for everything about a component.
//
// Errors: errcode.NotFound with the nearest name; those of the client and of
// reading the component.
func explain(ctx context.Context, c *lattice.Client, name string) (*explanation, error) {
	comps, err := c.ListComponents(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(comps.Components, func(r lattice.ComponentStatus) bool { return r.Name == name })
	if i < 0 {
		if err := exists(ctx, c, "component", name, componentNames); err != nil {
			return nil, err
		}
		return nil, errcode.New(errcode.NotFound, "there is no component %q", name).WithNext("lattice get components")
	}
	x := &explainer{record: comps.Components[i], providers: map[string]string{}}
	links, err := c.ListLinks(ctx)
	if err != nil {
		return nil, err
	}
	x.links = slices.DeleteFunc(links.Links, func(l lattice.LinkStatus) bool { return l.Source != name })
	provs, err := c.ListProviders(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range provs.Providers {
		x.providers[p.Name] = p.Technology
	}
	if x.builtins, err = wiring.Builtins(host.Builtin{}); err != nil {
		return nil, err
	}
	data, err := c.GetBlob(ctx, x.record.Image.Digest)
	if err != nil {
		return nil, err
	}
	code, closeCode, err := compileFile(ctx, x.record.Image.Ref, data, 0, x.record.Limits.MemoryBytes)
	if err != nil {
		return nil, err
	}
	defer closeCode()
	return x.explain(code.Imports()), nil
}

func (x *explainer) explain(imports []components.Extern) *explanation {
	r := x.record
	p := describe("component", r.Name, r.Problem, r.Hosts)
	x.out = &explanation{Name: r.Name, Application: r.App, Image: r.Image.Ref, Digest: r.Image.Digest, State: p.State, Message: p.Message,
		Config: notNil(r.Config), Imports: []givenView{}, Grants: []grantView{}, Limits: r.Limits, Missing: []lackView{}, Hosts: onHosts(r.Hosts)}
	for _, g := range r.Grants {
		x.out.Grants = append(x.out.Grants, grantView(g))
		if err := x.set.Add(grant.Kind(g.Kind), g.Text); err != nil { // hosts refuse it with the same words
			x.lack(lackView{Topic: "grant " + g.Kind, Interfaces: []string{}, Why: err.Error(), Next: errcode.NextOf(err)})
		}
	}
	for _, im := range imports {
		x.importOf(im)
	}
	return x.out
}

// importOf explains one import.
func (x *explainer) importOf(im components.Extern) {
	t := topicOf(im.Name)
	v := givenView{Name: im.Name, Topic: t.name}
	link := x.linkFor(im.Name)
	switch {
	case len(im.Funcs) == 0:
		v.ServedBy, v.Why = "types", "types alone: there is nothing to serve"
	case link != nil:
		x.linked(&v, t, link)
	case serves(x.builtins, im.Name):
		v.ServedBy = "host"
		v.Why = x.builtin(t, im.Name)
	default:
		v.ServedBy, v.Why = "nothing", "there is no link for it"
		pkg, item := packageOf(im.Name)
		x.lack(lackView{Topic: t.name, Interfaces: []string{im.Name}, Why: "it is neither built in nor linked",
			Next: fmt.Sprintf("lattice link put %s %s/%s --to TARGET", x.record.Name, pkg, item)})
	}
	x.out.Imports = append(x.out.Imports, v)
}

// linked explains an import that a link leads somewhere.
func (x *explainer) linked(v *givenView, t topic, l *lattice.LinkStatus) {
	lv := viewLink(*l)
	v.ServedBy, v.Link, v.Target, v.Config, v.State = "link", lv.Key, lv.Target, lv.Config, lv.State
	v.Technology = x.providers[lv.Target]
	to := "component " + lv.Target
	if v.Technology != "" {
		to = fmt.Sprintf("provider %s (%s)", lv.Target, v.Technology)
	}
	v.Why = "link to " + to
	if len(lv.Config) > 0 {
		v.Why += " with config " + strings.Join(lv.Config, ", ")
	}
	switch {
	case lv.Application != "":
		v.Why += ", of application " + lv.Application
	default:
		v.Why += ", put by hand"
	}
	if lv.Message != "" {
		x.lack(lackView{Topic: t.name, Interfaces: []string{v.Name}, Why: "the link does not work: " + lv.Message, Next: lv.Next})
	}
}

// builtin explains an import that the host serves.
func (x *explainer) builtin(t topic, name string) string {
	switch {
	case t.name == "settings" && len(x.record.Config) > 0:
		return "built in: its config " + strings.Join(x.record.Config, ", ")
	case t.name == "settings":
		return "built in: it has no config"
	case t.grant == "":
		return "built in"
	case t.holds(x.set):
		return "built in, within the grants " + strings.Join(x.from(t), ", ")
	}
	next := fmt.Sprintf("add to its latticework.grants: %s", t.manifest)
	if t.name == "HTTP requests" {
		next += "; or link it to a lattice://http-client"
	}
	x.lack(lackView{Topic: t.name, Interfaces: []string{name}, Why: "it is built in, but nothing is granted", Next: next})
	return "built in, but nothing is granted"
}

// from returns where the grants of a topic's kind were written.
func (x *explainer) from(t topic) []string {
	var out []string
	for _, g := range x.record.Grants {
		if g.Kind != string(t.grant) && !(t.grant == grant.KindEnv && g.Kind == string(grant.KindArg)) {
			continue
		}
		where := g.From
		if where == "" {
			where = "unknown"
		}
		if !slices.Contains(out, where) {
			out = append(out, where)
		}
	}
	return out
}

// lack notes what is missing; interfaces with the same reason stand together.
func (x *explainer) lack(v lackView) {
	for i := range x.out.Missing {
		if m := &x.out.Missing[i]; m.Topic == v.Topic && m.Why == v.Why && (m.Next == v.Next || topicNamed(v.Topic)) {
			m.Interfaces = append(m.Interfaces, v.Interfaces...)
			return
		}
	}
	x.out.Missing = append(x.out.Missing, v)
}

func topicNamed(name string) bool {
	return slices.ContainsFunc(topics, func(t topic) bool { return t.name == name && t.grant != "" })
}

func (x *explainer) linkFor(name string) *lattice.LinkStatus {
	pkg, item := packageOf(name)
	for i := range x.links {
		l := &x.links[i]
		if l.Covers(x.record.Name, linkstate.DefaultLinkName, pkg, item) {
			return l
		}
	}
	return nil
}

func serves(all []*abi.Interface, name string) bool {
	return slices.ContainsFunc(all, func(i *abi.Interface) bool { return wit.MatchVersion(name, i.Name) })
}

// packageOf cuts "wasi:keyvalue/store@0.2.0" into package and interface.
func packageOf(name string) (pkg, item string) {
	bare, _ := wit.SplitVersion(name)
	pkg, item, _ = strings.Cut(bare, "/")
	return pkg, item
}

func (v *explanation) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%s: %s", v.Name, v.State)
	if v.Application != "" {
		_, _ = fmt.Fprintf(w, ", of application %s", v.Application)
	}
	_, _ = fmt.Fprintf(w, "\nimage %s %s\n", v.Image, v.Digest)
	if v.Message != "" {
		_, _ = fmt.Fprintf(w, "%s\n", v.Message)
	}
	if len(v.Imports) > 0 {
		_, _ = fmt.Fprintln(w, "\nimports")
		for _, im := range v.Imports {
			_, _ = fmt.Fprintf(w, "  %s\n    %s: %s\n", im.Name, im.Topic, im.Why)
		}
	}
	_, _ = fmt.Fprintln(w, "\ngrants")
	if len(v.Grants) == 0 {
		_, _ = fmt.Fprintln(w, "  none")
	}
	for _, g := range v.Grants {
		_, _ = fmt.Fprintf(w, "  %s %s  (%s)\n", g.Kind, g.Text, g.From)
	}
	printLimits(w, v.Limits)
	if len(v.Missing) == 0 {
		return
	}
	_, _ = fmt.Fprintln(w, "\nasked for, not given")
	for _, m := range v.Missing {
		_, _ = fmt.Fprintf(w, "  %s (%s): %s\n", m.Topic, strings.Join(m.Interfaces, ", "), m.Why)
		if m.Next != "" {
			_, _ = fmt.Fprintf(w, "    next: %s\n", m.Next)
		}
	}
}
