// Package node runs a host and what belongs to it in one process: on a laptop
// also an embedded NATS server and the control member of a new lattice.
package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"latticework/cmd/lattice/internal/datafolder"
	"latticework/cmd/lattice/internal/wiring"
	"latticework/components"
	"latticework/host"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/control"
	"latticework/lattice/natsbus"
	"latticework/lattice/raftstore"
)

// Config configures a Node. Folder, Engine and Lattice are needed.
type Config struct {
	Folder *datafolder.Folder
	Engine *components.Engine
	// Lattice is the lattice's name.
	Lattice string
	// NATSListen is where the embedded NATS server listens; empty: the
	// default. Unused with Join.
	NATSListen string
	// Join is the address of a lattice that runs already. Empty: this process
	// holds the lattice's state, and begins it if the folder has none.
	Join string

	// AllowDirs are folders of this machine that manifests may grant to
	// components, with what is in them.
	AllowDirs []string

	Name    string
	Zone    string
	Labels  map[string]string
	Version string
	Log     *slog.Logger
}

// Node is a running host with its parts. Close must follow Start.
type Node struct {
	cfg      Config
	identity datafolder.Identity
	url      string

	server  *natsbus.Server
	control lattice.Bus // of the control member; nil without
	store   *raftstore.Store
	service *control.Service
	bus     lattice.Bus // of the host and the client
	host    *host.Host
	client  *lattice.Client
}

// Start starts the parts in order. What was started is stopped again if a
// later one fails.
//
// Errors:
//   - errcode.Conflict if the NATS port is taken, or the folder belongs to
//     another lattice or to a host of another role.
//   - those of the parts.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	n := &Node{cfg: cfg}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, n.Close(context.WithoutCancel(ctx)))
	}
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	known, err := n.cfg.Folder.Identity()
	if err != nil {
		return err
	}
	if err := n.check(known); err != nil {
		return err
	}
	n.identity = known
	if n.cfg.Join != "" {
		err = n.join(ctx)
	} else {
		err = n.lead(ctx)
	}
	if err != nil {
		return err
	}
	if n.client, err = lattice.NewClient(lattice.ClientConfig{Bus: n.bus, Lattice: n.cfg.Lattice, Cluster: n.identity.Cluster}); err != nil {
		return err
	}
	if n.cfg.Join != "" {
		if err := n.meet(ctx); err != nil {
			return err
		}
	}
	if n.identity != known {
		if err := n.cfg.Folder.SetIdentity(n.identity); err != nil {
			return err
		}
	}
	if err := n.startHost(ctx); err != nil {
		return err
	}
	return n.cfg.Folder.SetRunning(datafolder.Running{
		PID: os.Getpid(), NATS: n.url, Lattice: n.cfg.Lattice, Cluster: n.identity.Cluster,
		Host: n.identity.Host, Joined: n.cfg.Join != "",
	})
}

// check refuses a folder that was used otherwise: state is never begun where
// there was some, nor left lying by joining another lattice.
func (n *Node) check(known datafolder.Identity) error {
	if known.Host == "" {
		return nil
	}
	path := n.cfg.Folder.Path()
	if known.Lattice != n.cfg.Lattice {
		return errcode.New(errcode.Conflict, "open data folder %s: it belongs to lattice %q, not %q", path, known.Lattice, n.cfg.Lattice).
			WithNext("run with --lattice %s, or choose another folder with --data", known.Lattice)
	}
	switch {
	case known.Role == datafolder.RoleControl && n.cfg.Join != "":
		return errcode.New(errcode.Conflict, "open data folder %s: it holds the state of lattice %q (cluster %s), so it cannot join another", path, known.Lattice, known.Cluster).
			WithNext("choose another folder with --data")
	case known.Role == datafolder.RoleMember && n.cfg.Join == "":
		return errcode.New(errcode.Conflict, "open data folder %s: it belongs to a host that joined lattice %q (cluster %s)", path, known.Lattice, known.Cluster).
			WithNext("join it again with --join nats://…, or choose another folder with --data")
	}
	return nil
}

// lead starts NATS and the control member.
func (n *Node) lead(ctx context.Context) error {
	var err error
	n.server, err = natsbus.StartServer(natsbus.ServerConfig{Address: n.cfg.NATSListen, Name: n.cfg.Lattice, Logger: n.cfg.Log})
	if err != nil {
		if errors.Is(err, errcode.Conflict) {
			err = errcode.New(errcode.Conflict, "%w", err).
				WithNext("choose another port with --nats-listen, or join the lattice that runs there with --join")
		}
		return err
	}
	n.url = n.server.URL()
	connect := func(name string) (lattice.Bus, error) {
		b, err := natsbus.Connect(ctx, natsbus.Config{Server: n.server, Name: name, Logger: n.cfg.Log})
		if err != nil { // a nil *Bus must not become a Bus
			return nil, err
		}
		return b, nil
	}
	if n.control, err = connect("control"); err != nil {
		return err
	}
	if n.bus, err = connect("host"); err != nil {
		return err
	}
	if err := n.openStore(ctx); err != nil {
		return err
	}
	n.service, err = control.Open(ctx, control.Config{Bus: n.control, Store: n.store, BlobDir: n.cfg.Folder.Blobs(), Logger: n.cfg.Log})
	return err
}

// openStore opens the lattice's state. It begins a new lattice only where no
// host has been before.
func (n *Node) openStore(ctx context.Context) error {
	cfg := raftstore.Config{Dir: n.cfg.Folder.Raft(), Logger: raftLog(n.cfg.Log)}
	var err error
	n.store, err = raftstore.Open(cfg)
	if errors.Is(err, errcode.NotFound) {
		if n.identity.Host != "" {
			return errcode.New(errcode.NotFound, "open the state of lattice %q (cluster %s): %s holds none", n.cfg.Lattice, n.identity.Cluster, cfg.Dir).
				WithNext("restore that folder, or begin a new lattice in another one with --data")
		}
		if _, err := raftstore.Bootstrap(cfg, n.cfg.Lattice); err != nil {
			return err
		}
		n.store, err = raftstore.Open(cfg)
	}
	if err != nil {
		return err
	}
	if err := n.store.Ready(ctx); err != nil {
		return err
	}
	st := n.store.Status()
	if n.identity.Host != "" && n.identity.Cluster != st.Cluster {
		return errcode.New(errcode.Conflict, "open data folder %s: its state is of cluster %s, its host of %s", n.cfg.Folder.Path(), st.Cluster, n.identity.Cluster).
			WithNext("restore the folder as a whole, or choose another with --data")
	}
	if st.Lattice != n.cfg.Lattice {
		return errcode.New(errcode.Conflict, "open data folder %s: it holds lattice %q, not %q", n.cfg.Folder.Path(), st.Lattice, n.cfg.Lattice).
			WithNext("run with --lattice %s", st.Lattice)
	}
	n.become(datafolder.RoleControl, st.Cluster)
	return nil
}

// raftLog lets only errors of raft through, unless everything is wanted: one
// member that elects itself finds that worth a warning.
func raftLog(log *slog.Logger) *slog.Logger {
	if log == nil || log.Enabled(context.Background(), slog.LevelDebug) {
		return log
	}
	return slog.New(errorsOnly{log.Handler()})
}

type errorsOnly struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (errorsOnly) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }

// become makes an identity where there is none.
func (n *Node) become(role datafolder.Role, cluster lattice.ClusterID) {
	if n.identity.Host == "" {
		n.identity = datafolder.Identity{Host: lattice.NewHostID(), Lattice: n.cfg.Lattice, Cluster: cluster, Role: role}
	}
}

// join connects to a lattice that runs elsewhere.
func (n *Node) join(ctx context.Context) error {
	b, err := natsbus.Connect(ctx, natsbus.Config{URLs: strings.Split(n.cfg.Join, ","), Name: "host", Logger: n.cfg.Log})
	if err != nil {
		return err
	}
	n.bus, n.url = b, n.cfg.Join
	return nil
}

// meet asks who leads, so that a host never begins state of its own.
func (n *Node) meet(ctx context.Context) error {
	hello, err := n.client.Hello(ctx)
	if errors.Is(err, errcode.Unavailable) {
		return errcode.New(errcode.Unavailable, "join %s: no lattice %q answers there: %w", n.url, n.cfg.Lattice, err).
			WithNext("check the address and --lattice; the first host starts with: lattice up")
	}
	if err != nil {
		return err
	}
	n.become(datafolder.RoleMember, hello.Cluster)
	return nil
}

func (n *Node) startHost(ctx context.Context) error {
	registry, err := wiring.Registry()
	if err != nil {
		return err
	}
	h, err := host.New(host.Config{
		Bus: n.bus, Lattice: n.cfg.Lattice, Cluster: n.identity.Cluster, ID: n.identity.Host,
		Name: n.cfg.Name, Zone: n.cfg.Zone, Labels: n.cfg.Labels, Version: n.cfg.Version,
		Engine: n.cfg.Engine, Registry: registry, Contracts: wiring.Contracts(), Builtins: wiring.Operator{Dirs: n.cfg.AllowDirs}.Builtins,
		Images: &images{dir: n.cfg.Folder.Blobs(), client: n.client}, DataFolder: n.cfg.Folder.Providers(), Log: n.cfg.Log,
	})
	if err != nil {
		return err
	}
	n.host = h
	return h.Open(ctx)
}

// Client returns a client of the lattice. It ends with the node.
func (n *Node) Client() *lattice.Client { return n.client }

// NATS returns the address of the lattice.
func (n *Node) NATS() string { return n.url }

// Identity returns who the host is.
func (n *Node) Identity() datafolder.Identity { return n.identity }

// Close finishes what was accepted until ctx ends and stops everything, in the
// reverse order. It is idempotent.
func (n *Node) Close(ctx context.Context) error {
	var errs []error
	if n.host != nil {
		if n.service == nil { // others go on: they take what runs here
			n.handOver(ctx)
		}
		errs = append(errs, n.host.Close(ctx))
	}
	if n.service != nil {
		errs = append(errs, n.service.Close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	for _, b := range []lattice.Bus{n.bus, n.control} {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	if n.server != nil {
		n.server.Close()
	}
	n.host, n.service, n.store, n.bus, n.control, n.server = nil, nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

// handOver lets other hosts take this one's work, for half of the time that
// ctx leaves. What nobody takes ends with the host.
func (n *Node) handOver(ctx context.Context) {
	budget := 5 * time.Second
	if end, ok := ctx.Deadline(); ok {
		budget = time.Until(end) / 2
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	if err := n.host.Drain(ctx); err != nil {
		n.cfg.Log.Info("hand over", "error", err)
	}
}
