package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"latticework/cmd/lattice/internal/datafolder"
	"latticework/cmd/lattice/internal/deployment"
	"latticework/cmd/lattice/internal/node"
	"latticework/cmd/lattice/internal/wiring"
	"latticework/components"
	"latticework/host"
	"latticework/internal/errcode"
	"latticework/internal/manifest"
	"latticework/lattice"
)

// upFlags are those of up and host.
type upFlags struct {
	join       string
	natsListen string
	httpListen string
	name       string
	zone       string
	labels     []string
	allowDirs  []string
	drain      time.Duration
}

const upLong = `Start a lattice on this machine in one process: NATS, the lattice's state, a
host and the providers inside the binary. With a MANIFEST, or a FOLDER that
holds lattice.yaml, deploy that application and wait until it runs.

State, configuration and data of embedded providers are kept in the data
folder: the next start goes on where this one ended.

With --join, be one more host of a lattice that runs already.

Ctrl-C finishes what was accepted and stops; a second Ctrl-C stops at once.
--timeout bounds how long it may take until everything runs.
With -o json every line is one JSON object; the line with "event":"ready" says
where the lattice ("nats") and its applications ("http") are reached.`

func (a *app) upCommand() *cobra.Command {
	f := &upFlags{}
	c := &cobra.Command{
		Use: "up [MANIFEST|FOLDER]", Short: "Start a lattice on this machine, or join one",
		Long: upLong,
		Example: `  lattice up
  lattice up examples/counter
  lattice up examples/counter --http-listen 127.0.0.1:0 -o json
  lattice up --nats-listen 127.0.0.1:4333 --data /var/lib/lattice
  lattice up --join nats://127.0.0.1:4222 --data /tmp/second`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) > 0 {
				path = args[0]
			}
			return a.up(cmd.Context(), f, path)
		},
	}
	f.define(c)
	fs := c.Flags()
	fs.StringVar(&f.join, "join", "", "address of a lattice that runs already, such as nats://127.0.0.1:4222")
	fs.StringVar(&f.natsListen, "nats-listen", "", "where NATS listens (default 127.0.0.1:4222; port 0 takes a free one)")
	fs.StringVar(&f.httpListen, "http-listen", "", "where HTTP servers listen instead of where the manifest says")
	return c
}

func (a *app) hostCommand() *cobra.Command {
	f := &upFlags{}
	c := &cobra.Command{
		Use: "host --join URL", Short: "Run one more host of a lattice",
		Long: "Run one more host of a lattice that runs already. It follows the lattice's\nstate, fetches components from it, and runs what is placed on it.\n\nCtrl-C finishes what was accepted and stops; a second Ctrl-C stops at once.",
		Example: `  lattice host --join nats://127.0.0.1:4222
  lattice host --join nats://10.0.0.7:4222 --zone eu-1 --label disk=ssd`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.join == "" {
				return errcode.New(errcode.Invalid, "host: flag --join is missing").
					WithNext("name the lattice: lattice host --join nats://127.0.0.1:4222; or start one: lattice up")
			}
			return a.up(cmd.Context(), f, "")
		},
	}
	f.define(c)
	c.Flags().StringVar(&f.join, "join", "", "address of the lattice, such as nats://127.0.0.1:4222")
	return c
}

func (f *upFlags) define(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&f.name, "name", "", "the host's name for people (default the machine's)")
	fs.StringVar(&f.zone, "zone", "", "the host's zone, for placement and routing")
	fs.StringArrayVar(&f.labels, "label", nil, "a label KEY=VALUE of the host, for placement; may be repeated")
	fs.StringArrayVar(&f.allowDirs, "allow-dir", nil, "a folder that manifests may grant to components on this host; may be repeated")
	_ = c.MarkFlagDirname("allow-dir")
	fs.DurationVar(&f.drain, "drain", 30*time.Second, "how long what was accepted may take when the host stops")
}

// running is a host of this process and what it needs.
type running struct {
	folder *datafolder.Folder
	engine *components.Engine
	node   *node.Node
}

// up starts a host, deploys path if it is not empty, and serves until a signal.
func (a *app) up(ctx context.Context, f *upFlags, path string) error {
	labels, err := keyValues("--label", f.labels)
	if err != nil {
		return err
	}
	if err := f.check(path); err != nil {
		return err
	}
	if path != "" { // before anything is started
		if _, err := manifest.Load(path); err != nil {
			return err
		}
	}
	log := a.logger()
	r := &running{}
	err = a.bringUp(ctx, f, path, labels, log, r)
	if err == nil {
		<-ctx.Done()
	}
	if r.node != nil {
		a.event("stopping", nil, "stopping: finishing what was accepted (Ctrl-C again stops at once)")
	}
	interrupted := ctx.Err() != nil
	closeErr := r.close(context.WithoutCancel(ctx), f.drain)
	if interrupted {
		a.event("stopped", nil, "stopped")
		return closeErr
	}
	return errors.Join(err, closeErr)
}

func (f *upFlags) check(path string) error {
	switch {
	case f.join != "" && f.natsListen != "":
		return errcode.New(errcode.Invalid, "up: --join and --nats-listen exclude each other: a host that joins starts no NATS").WithNext("leave one of them out")
	case path == "" && f.httpListen != "":
		return errcode.New(errcode.Invalid, "up: --http-listen is for the application that is deployed").WithNext("name its manifest, too")
	case f.drain < 0:
		return errcode.New(errcode.Invalid, "up: --drain: %s < 0", f.drain)
	}
	return nil
}

// listenable refuses addresses that are taken before anything is started. On
// other hosts of the lattice they may be free.
func (f *upFlags) listenable(addresses []string) error {
	if f.join != "" {
		return nil
	}
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err == nil {
			_ = l.Close()
			continue
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return errcode.New(errcode.Conflict, "listen for HTTP on %s: the port is taken", address).
				WithNext("stop what listens there, or choose another address with --http-listen")
		}
		code := errcode.Invalid
		if errors.Is(err, os.ErrPermission) {
			code = errcode.Denied
		}
		return errcode.New(code, "listen for HTTP on %s: %w", address, err).WithNext("choose another address with --http-listen")
	}
	return nil
}

// bringUp starts everything within the command's time and says when it serves.
func (a *app) bringUp(ctx context.Context, f *upFlags, path string, labels map[string]string, log *slog.Logger, r *running) error {
	ctx, cancel := a.budget(ctx, deployBudget)
	defer cancel()
	name := a.flags.lattice
	if name == "" {
		name = defaultLattice
	}
	if err := lattice.ValidName("lattice", name); err != nil {
		return err
	}
	var err error
	if r.folder, err = datafolder.Open(a.dataFolder()); err != nil {
		return err
	}
	if r.engine, err = newEngine(ctx, r.folder.Code(), 0); err != nil {
		return err
	}
	var plan *deployment.Plan
	allowed := f.allowDirs
	if path != "" {
		if plan, err = a.plan(ctx, r.engine, path, f.httpListen); err != nil {
			return err
		}
		if err := f.listenable(plan.Addresses()); err != nil {
			return err
		}
		if f.join == "" { // whoever starts the host names the manifest
			allowed = append(slices.Clone(allowed), plan.Dirs()...)
		}
	}
	r.node, err = node.Start(ctx, node.Config{
		Folder: r.folder, Engine: r.engine, Lattice: name, NATSListen: f.natsListen, Join: f.join,
		AllowDirs: allowed, Name: hostName(f.name), Zone: f.zone, Labels: labels, Version: version(), Log: log,
	})
	if err != nil {
		return err
	}
	id := r.node.Identity()
	a.event("started", map[string]any{
		"lattice": name, "nats": r.node.NATS(), "host": id.Host, "cluster": id.Cluster, "data": r.folder.Path(), "joined": f.join != "",
	}, "lattice %s at %s (data in %s)", name, r.node.NATS(), r.folder.Path())
	if plan != nil {
		if err := a.sendPlan(ctx, r.node.Client(), plan, true); err != nil {
			return err
		}
	}
	return a.ready(ctx, r.node, r.folder.Path(), plan)
}

// plan checks an application here, before it is sent.
func (a *app) plan(ctx context.Context, e *components.Engine, path, httpListen string) (*deployment.Plan, error) {
	builtins, err := wiring.Builtins(host.Builtin{})
	if err != nil {
		return nil, err
	}
	plan, err := deployment.Load(ctx, deployment.Config{
		Path: path, HTTPListen: httpListen, Engine: e, Builtins: builtins, Contracts: wiring.Contracts(),
	})
	if err != nil {
		return nil, err
	}
	for _, n := range plan.Notices {
		a.notice(n)
	}
	return plan, nil
}

// close stops everything that was started.
func (r *running) close(ctx context.Context, drain time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	var errs []error
	if r.node != nil {
		errs = append(errs, r.node.Close(ctx))
	}
	if r.engine != nil {
		errs = append(errs, r.engine.Close(context.WithoutCancel(ctx)))
	}
	if r.folder != nil {
		errs = append(errs, r.folder.Close())
	}
	return errors.Join(errs...)
}

func hostName(given string) string {
	if given != "" {
		return given
	}
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "host"
	}
	short, _, _ := strings.Cut(name, ".")
	return short
}

// keyValues reads KEY=VALUE texts.
func keyValues(flag string, texts []string) (map[string]string, error) {
	m := map[string]string{}
	for _, t := range texts {
		k, v, ok := strings.Cut(t, "=")
		if !ok || k == "" {
			return nil, errcode.New(errcode.Invalid, "%s %q: want KEY=VALUE", flag, t).WithNext("write %s name=value", flag)
		}
		if _, twice := m[k]; twice {
			return nil, errcode.New(errcode.Invalid, "%s: %q is given twice", flag, k)
		}
		m[k] = v
	}
	return m, nil
}
