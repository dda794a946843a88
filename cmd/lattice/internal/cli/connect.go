package cli

import (
	"context"
	"strings"
	"time"

	"latticework/cmd/lattice/internal/datafolder"
	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/natsbus"
)

const defaultLattice = "default"

// where says which lattice a command is for and how to reach it: flags and
// environment first, then what holds the data folder, then what ran last.
func (a *app) where() (url, name string, cluster lattice.ClusterID) {
	url, name = a.flags.nats, a.flags.lattice
	var known datafolder.Running
	found := false
	switch {
	case url != "":
	case a.flags.data != "" || name != "":
		r, err := datafolder.ReadRunning(a.dataFolder())
		known, found = r, err == nil
	default:
		known, found = datafolder.Last()
	}
	if found {
		url = known.NATS
		if name == "" {
			name = known.Lattice
		}
		if name == known.Lattice {
			cluster = known.Cluster
		}
	}
	if url == "" {
		url = "nats://" + natsbus.DefaultAddress
	}
	if name == "" {
		name = defaultLattice
	}
	return url, name, cluster
}

// dataFolder is the data folder of a host that starts, or is to be stopped.
func (a *app) dataFolder() string {
	if a.flags.data != "" {
		return a.flags.data
	}
	name := a.flags.lattice
	if name == "" {
		name = defaultLattice
	}
	return datafolder.Default(name)
}

// withClient runs fn with a client of the lattice, within the command's time.
func (a *app) withClient(ctx context.Context, byDefault time.Duration, fn func(ctx context.Context, c *lattice.Client) error) error {
	ctx, cancel := a.budget(ctx, byDefault)
	defer cancel()
	url, name, cluster := a.where()
	if err := lattice.ValidName("lattice", name); err != nil {
		return err
	}
	bus, err := natsbus.Connect(ctx, natsbus.Config{URLs: strings.Split(url, ","), Name: "cli", Logger: a.logger()})
	if err != nil {
		return err
	}
	defer func() { _ = bus.Close() }()
	c, err := lattice.NewClient(lattice.ClientConfig{Bus: bus, Lattice: name, Cluster: cluster})
	if err != nil {
		return err
	}
	err = fn(ctx, c)
	if lattice.IsRefused(err) && errcode.Of(err) == errcode.Unavailable && errcode.NextOf(err) == "" {
		err = errcode.New(errcode.Unavailable, "ask lattice %q at %s: %w", name, url, err).
			WithNext("check --nats and --lattice; a lattice starts with: lattice up")
	}
	return err
}

// patience of commands that read, that write, and that wait for work to run.
const (
	readBudget   = 10 * time.Second
	writeBudget  = 30 * time.Second
	deployBudget = 2 * time.Minute
)
