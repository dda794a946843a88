// Package latticetest runs a whole lattice in a test's process: a control
// member on a real store, a bus in memory or over embedded NATS, and hosts
// that act on link state without running anything.
package latticetest

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"latticework/lattice"
	"latticework/lattice/control"
	"latticework/lattice/membus"
	"latticework/lattice/natsbus"
	"latticework/lattice/raftstore"
)

// Options of a cluster. The zero value is a cluster on a perfect memory bus.
type Options struct {
	Seed uint64 // of the memory bus
	NATS bool   // over an embedded NATS server instead
	// Control overrides the control member's settings; Bus, Store and BlobDir
	// are the cluster's own.
	Control control.Config
}

// LatticeName is the name of every test lattice.
const LatticeName = "test"

// Cluster is a lattice in this process. The test's end closes it.
type Cluster struct {
	t    testing.TB
	opts Options
	dir  string

	Network *membus.Network // nil over NATS
	Server  *natsbus.Server // nil on a memory bus
	ID      lattice.ClusterID
	Client  *lattice.Client

	Store   *raftstore.Store
	Control *control.Service
	bus     lattice.Bus // the control member's
	members atomic.Int32
}

// New starts a cluster without hosts.
func New(t testing.TB, o Options) *Cluster {
	t.Helper()
	c := &Cluster{t: t, opts: o, dir: filepath.Join(t.TempDir(), "control")}
	if o.NATS {
		s, err := natsbus.StartServer(natsbus.ServerConfig{Address: "127.0.0.1:0"})
		c.must(err)
		t.Cleanup(s.Close)
		c.Server = s
	} else {
		c.Network = membus.New(o.Seed)
		t.Cleanup(func() { c.Network.Close() })
	}
	id, err := raftstore.Bootstrap(raftstore.Config{Dir: c.dir}, LatticeName)
	c.must(err)
	c.ID = id
	c.StartControl()
	t.Cleanup(c.StopControl)
	c.Client, err = lattice.NewClient(lattice.ClientConfig{Bus: c.Bus("client"), Lattice: LatticeName})
	c.must(err)
	return c
}

func (c *Cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// Bus connects a new member to the cluster's bus. The test's end closes it.
func (c *Cluster) Bus(name string) lattice.Bus {
	c.t.Helper()
	var bus lattice.Bus
	var err error
	if c.opts.NATS {
		bus, err = natsbus.Connect(context.Background(), natsbus.Config{URLs: []string{c.Server.URL()}, Name: name})
	} else {
		bus, err = c.Network.Bus(fmt.Sprint(name, "-", c.members.Add(1)))
	}
	c.must(err)
	c.t.Cleanup(func() { bus.Close() })
	return bus
}

// StartControl starts the control member on its data folder.
func (c *Cluster) StartControl() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	store, err := raftstore.Open(raftstore.Config{Dir: filepath.Clean(c.dir)})
	c.must(err)
	c.Store = store
	c.must(store.Ready(ctx))
	c.bus = c.Bus("control")
	cfg := c.opts.Control
	cfg.Bus, cfg.Store, cfg.BlobDir = c.bus, store, filepath.Join(c.dir, "blobs")
	c.Control, err = control.Open(ctx, cfg)
	c.must(err)
}

// StopControl stops the control member; its data stays. It is idempotent.
func (c *Cluster) StopControl() {
	if c.Control == nil {
		return
	}
	_ = c.Control.Close()
	_ = c.bus.Close()
	if err := c.Store.Close(); err != nil {
		c.t.Error(err)
	}
	c.Control = nil
}
