package perf

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"latticework/components"
	"latticework/host"
	"latticework/lattice"
	"latticework/lattice/control"
	"latticework/lattice/linkstate"
	"latticework/lattice/natsbus"
	"latticework/lattice/raftstore"
	"latticework/providers"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/wit/abi"
	"latticework/wit/value"
)

const latticeName = "perf"

// BenchmarkKeyvalueAcrossHosts compares a get from a guest to a provider on
// another host with a raw NATS request of the same sizes, in one run: each
// host and each raw peer has its own connection to one server on loopback.
func BenchmarkKeyvalueAcrossHosts(b *testing.B) {
	l := newLattice(b)
	guest := l.join("guest", false)
	l.join("store", true)
	l.deploy()
	raw, params, reply := l.rawPair()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	const n = 2_000
	fromGuest := func() float64 {
		start := time.Now()
		rep, err := guest.Call(ctx, lattice.CallRequest{Component: "perf", Text: "latticework:perf/loops@0.1.0.gets(2000)"})
		if err != nil || rep.Text != "0" {
			b.Fatal(rep, err)
		}
		return float64(time.Since(start).Nanoseconds()) / n
	}
	fromRaw := func() float64 {
		return each(n, func() {
			m, err := raw.RequestWithContext(ctx, "raw", params)
			if err != nil || len(m.Data) != reply {
				b.Fatal(m, err)
			}
		})
	}
	fromGuest() // the first call opens what is lazy
	for b.Loop() {
		g, d, r := ratio(fromGuest, fromRaw)
		record(b, "keyvalue-get-across-hosts", g, "ns")
		record(b, "nats-request-reply", d, "ns")
		recordGoal(b, "keyvalue-get-across-hosts-over-nats", r, "x", "<=", 1.5)
	}
}

// testLattice is a lattice in this process: NATS, one control member, hosts.
type testLattice struct {
	b      *testing.B
	nats   *natsbus.Server
	client *lattice.Client
}

func newLattice(b *testing.B) *testLattice {
	b.Helper()
	ctx := b.Context()
	l := &testLattice{b: b}
	var err error
	if l.nats, err = natsbus.StartServer(natsbus.ServerConfig{Address: "127.0.0.1:0"}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.nats.Close)
	dir := b.TempDir()
	cfg := raftstore.Config{Dir: filepath.Join(dir, "raft")}
	if _, err := raftstore.Bootstrap(cfg, latticeName); err != nil {
		b.Fatal(err)
	}
	store, err := raftstore.Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	if err := store.Ready(ctx); err != nil {
		b.Fatal(err)
	}
	svc, err := control.Open(ctx, control.Config{Bus: l.bus("control"), Store: store, BlobDir: filepath.Join(dir, "blobs")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = svc.Close() })
	if l.client, err = lattice.NewClient(lattice.ClientConfig{Bus: l.bus("client"), Lattice: latticeName}); err != nil {
		b.Fatal(err)
	}
	return l
}

func (l *testLattice) bus(name string) lattice.Bus {
	l.b.Helper()
	bus, err := natsbus.Connect(l.b.Context(), natsbus.Config{URLs: []string{l.nats.URL()}, Name: name})
	if err != nil {
		l.b.Fatal(err)
	}
	l.b.Cleanup(func() { _ = bus.Close() })
	return bus
}

// image gives the perf guest for every digest.
type image struct{}

// Get implements host.Images.
func (image) Get(context.Context, linkstate.Image) ([]byte, error) { return perfGuest, nil }

// join adds a host with its role as a label.
func (l *testLattice) join(role string, provides bool) *host.Host {
	l.b.Helper()
	var technologies []providers.Technology
	if provides {
		technologies = append(technologies, kvmemory.Technology())
	}
	reg, err := providers.NewRegistry(technologies...)
	if err != nil {
		l.b.Fatal(err)
	}
	h, err := host.New(host.Config{
		Bus: l.bus(role), Lattice: latticeName, ID: lattice.NewHostID(), Labels: map[string]string{"role": role},
		Engine: newEngine(l.b, components.EngineConfig{}), Registry: reg, Images: image{},
		Contracts: []*abi.Interface{keyvalue.BindStore(nil)},
	})
	if err != nil {
		l.b.Fatal(err)
	}
	if err := h.Open(l.b.Context()); err != nil {
		l.b.Fatal(err)
	}
	l.b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = h.Close(ctx)
	})
	return h
}

// deploy places the guest and its store on a host each.
func (l *testLattice) deploy() {
	l.b.Helper()
	on := func(role string) []linkstate.Spread {
		return []linkstate.Spread{{Requirements: map[string]string{"role": role}}}
	}
	d := linkstate.DeployApplication{
		Application: linkstate.Application{Name: "perf", Version: "1"},
		Components:  []linkstate.Component{{Name: "perf", Image: linkstate.Image{Ref: "perf.wasm"}, Spread: on("guest")}},
		Providers:   []linkstate.Provider{{Name: "store", Technology: "keyvalue-memory", Spread: on("store")}},
		Links: []linkstate.Link{{
			LinkKey: linkstate.LinkKey{Source: "perf", Namespace: "wasi", Package: "keyvalue", Interfaces: []string{"store"}},
			Targets: []linkstate.Target{{Name: "store"}},
		}},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := l.client.DeployApplication(ctx, lattice.DeployRequest{Deploy: d, PutOptions: lattice.PutOptions{Wait: true}}); err != nil {
		l.b.Fatal(err)
	}
}

// rawPair connects two NATS clients, one of which answers on "raw", and
// returns the asking one, and the parameters and the length of the reply of
// a get.
func (l *testLattice) rawPair() (caller *nats.Conn, params []byte, reply int) {
	l.b.Helper()
	connect := func() *nats.Conn {
		nc, err := nats.Connect(l.nats.URL())
		if err != nil {
			l.b.Fatal(err)
		}
		l.b.Cleanup(nc.Close)
		return nc
	}
	var e value.Encoder
	e.PutU32(1 << 31) // a handle
	e.PutString("k")
	answer := []byte{0, 0} // ok(none)
	callee := connect()
	if _, err := callee.Subscribe("raw", func(m *nats.Msg) {
		if bytes.Equal(m.Data, e.Buf) {
			_ = m.Respond(answer)
		}
	}); err != nil {
		l.b.Fatal(err)
	}
	if err := callee.Flush(); err != nil {
		l.b.Fatal(err)
	}
	return connect(), e.Buf, len(answer)
}
