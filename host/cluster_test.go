package host_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/host"
	"latticework/internal/leakcheck"
	"latticework/internal/poll"
	"latticework/internal/refdata"
	"latticework/lattice"
	"latticework/lattice/control"
	"latticework/lattice/linkstate"
	"latticework/lattice/membus"
	"latticework/lattice/natsbus"
	"latticework/lattice/raftstore"
	"latticework/providers"
	"latticework/providers/config/draft"
	"latticework/providers/config/rc1"
	"latticework/providers/httpserver"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvfile"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/providers/keyvalue/kvredis"
	"latticework/wit/abi"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

const (
	latticeName = "test"
	heartbeat   = 200 * time.Millisecond
)

// cluster is a lattice in this process: NATS, one control member, hosts.
type cluster struct {
	t      *testing.T
	nats   *natsbus.Server
	net    *membus.Network // in place of nats, if set
	client *lattice.Client
	engine *components.Engine
	log    *slog.Logger
	hosts  []*host.Host
	buses  map[string]lattice.Bus // of hosts, by name
	spy    *spy
	tune   func(*host.Config) // changes the hosts that join
}

// newCluster returns one over NATS.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t}
	var err error
	if c.nats, err = natsbus.StartServer(natsbus.ServerConfig{Address: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.nats.Close)
	c.open()
	return c
}

// newMemoryCluster returns one over a network in memory, whose faults a test
// can set.
func newMemoryCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, net: membus.New(1)}
	t.Cleanup(func() { _ = c.net.Close() })
	c.open()
	return c
}

// open starts the control member and the client.
func (c *cluster) open() {
	t, ctx := c.t, c.t.Context()
	t.Helper()
	c.spy, c.buses = newSpy(), map[string]lattice.Bus{}
	c.log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	dir := t.TempDir()
	cfg := raftstore.Config{Dir: filepath.Join(dir, "raft")}
	if _, err := raftstore.Bootstrap(cfg, latticeName); err != nil {
		t.Fatal(err)
	}
	store, err := raftstore.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	svc, err := control.Open(ctx, control.Config{Bus: c.bus("control"), Store: store, BlobDir: filepath.Join(dir, "blobs"),
		Heartbeat: heartbeat, LostAfter: 5 * heartbeat, Overlap: 5 * time.Millisecond, Logger: c.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = svc.Close() })
	if c.client, err = lattice.NewClient(lattice.ClientConfig{Bus: c.bus("client"), Lattice: latticeName}); err != nil {
		t.Fatal(err)
	}
	if c.engine, err = components.NewEngine(ctx, components.EngineConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.engine.Close(context.Background()) })
}

func (c *cluster) bus(name string) lattice.Bus {
	c.t.Helper()
	if c.net != nil {
		b, err := c.net.Bus(name)
		if err != nil {
			c.t.Fatal(err)
		}
		return b // closed with the network
	}
	b, err := natsbus.Connect(c.t.Context(), natsbus.Config{URLs: []string{c.nats.URL()}, Name: name})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = b.Close() })
	return b
}

// blobs are the images that the control member keeps.
type blobs struct{ client *lattice.Client }

func (b blobs) Get(ctx context.Context, image linkstate.Image) ([]byte, error) {
	return b.client.GetBlob(ctx, image.Digest)
}

// join adds a host with a label "name".
func (c *cluster) join(name string) *host.Host {
	c.t.Helper()
	reg, err := providers.NewRegistry(kvmemory.Technology(), kvfile.Technology(), kvredis.Technology(), httpserver.Technology(), c.spy.technology())
	if err != nil {
		c.t.Fatal(err)
	}
	bus := c.bus(name)
	c.buses[name] = bus
	client, err := lattice.NewClient(lattice.ClientConfig{Bus: bus, Lattice: latticeName})
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := host.Config{
		Bus: bus, Lattice: latticeName, ID: lattice.NewHostID(), Name: name, Labels: map[string]string{"name": name},
		Engine: c.engine, Registry: reg, DataFolder: c.t.TempDir(), Log: c.log.With("host", name), Heartbeat: heartbeat,
		Contracts: []*abi.Interface{keyvalue.BindStore(nil), keyvalue.BindAtomics(nil), keyvalue.BindBatch(nil)},
		Images:    blobs{client},
		Builtins: func(b host.Builtin) ([]*abi.Interface, error) {
			s, err := wasi.Open(wasi.Config{})
			if err != nil {
				return nil, err
			}
			out := append(s.Interfaces(), contract.BindTypes(&wasihttp.Types{}))
			return append(out, rc1.BindStore(live{b.Config}), draft.BindStore(live{b.Config})), nil
		},
	}
	if c.tune != nil {
		c.tune(&cfg)
	}
	h, err := host.New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := h.Open(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	c.hosts = append(c.hosts, h)
	c.t.Cleanup(func() {
		// A connection that was dialled and never used would hold the server up.
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), poll.Patience(10*time.Second))
		defer cancel()
		if err := h.Close(ctx); err != nil {
			c.t.Errorf("close host %s: %v", name, err)
		}
	})
	return h
}

// live serves wasi:config from settings that may change between two calls.
type live struct{ read func() map[string]string }

func (l live) Get(_ context.Context, key string) (abi.Option[string], error) {
	v, ok := l.read()[key]
	return abi.Option[string]{Value: v, Some: ok}, nil
}

func (l live) GetAll(context.Context) ([]abi.Tuple2[string, string], error) { return nil, nil }

// push uploads a guest and returns its image.
func (c *cluster) push(name string) linkstate.Image {
	c.t.Helper()
	folder := refdata.Dir(c.t, "guests/wasm")
	if name == "perf" {
		folder = "../test/perf/guest"
	}
	data, err := os.ReadFile(filepath.Join(folder, name+".wasm"))
	if err != nil {
		c.t.Fatal(err)
	}
	return c.pushBytes(name, data)
}

func (c *cluster) pushBytes(name string, data []byte) linkstate.Image {
	c.t.Helper()
	digest, err := c.client.PutBlob(c.t.Context(), data)
	if err != nil {
		c.t.Fatal(err)
	}
	return linkstate.Image{Ref: name + ".wasm", Digest: digest}
}

// on places a workload on the host of that name; "" leaves it to the lattice.
func on(name string) []linkstate.Spread {
	if name == "" {
		return nil
	}
	return []linkstate.Spread{{Requirements: map[string]string{"name": name}}}
}

func kvLink(source, target string) linkstate.Link {
	return linkstate.Link{
		LinkKey: linkstate.LinkKey{Source: source, Namespace: "wasi", Package: "keyvalue", Interfaces: []string{"store", "atomics"}},
		Targets: []linkstate.Target{{Name: target}},
	}
}

func httpLink(target string) linkstate.Link {
	return linkstate.Link{
		LinkKey:      linkstate.LinkKey{Source: "web", Namespace: "wasi", Package: "http", Interfaces: []string{"incoming-handler"}},
		Targets:      []linkstate.Target{{Name: target}},
		SourceConfig: []string{"web-address"},
	}
}

// counter is an application with the component on one host and stores and http
// on another.
func (c *cluster) counter(componentOn, storesOn string, stores ...linkstate.Provider) linkstate.DeployApplication {
	d := linkstate.DeployApplication{
		Application: linkstate.Application{Name: "counter", Version: "1"},
		Configs: []linkstate.Config{
			{Name: "web-address", Values: map[string]string{"address": "127.0.0.1:0"}},
			{Name: "settings", Values: map[string]string{"greeting": "bonjour", "bucket": "hits"}},
		},
		Components: []linkstate.Component{{Name: "counter", Image: c.push("rust-counter"), Config: []string{"settings"}, Spread: on(componentOn)}},
		Providers:  []linkstate.Provider{{Name: "web", Technology: "http-server", Spread: on(storesOn)}},
		Links:      []linkstate.Link{kvLink("counter", stores[0].Name), httpLink("counter")},
	}
	for _, s := range stores {
		s.Spread = on(storesOn)
		d.Providers = append(d.Providers, s)
	}
	return d
}

func (c *cluster) deploy(d linkstate.DeployApplication) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), poll.Patience(30*time.Second))
	defer cancel()
	_, err := c.client.DeployApplication(ctx, lattice.DeployRequest{Deploy: d, PutOptions: lattice.PutOptions{Wait: true}})
	return err
}

// url waits for the http provider's address.
func (c *cluster) url() string {
	c.t.Helper()
	address := ""
	poll.Until(c.t, 10*time.Second, "the http address", func() (any, bool) {
		p, err := c.client.ListProviders(c.t.Context())
		if err != nil {
			return err, false
		}
		for _, pr := range p.Providers {
			for _, h := range pr.Hosts {
				if pr.Name == "web" && h.Address != "" {
					address = h.Address
				}
			}
		}
		return p, address != ""
	})
	return address
}

func get(t testing.TB, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func wantHits(t testing.TB, url, path string, n int) {
	t.Helper()
	status, body := get(t, url+path)
	if want := fmt.Sprintf(`"hits":%d,`, n); status != 200 || !strings.Contains(body, want) {
		t.Errorf("%s: %d %q, want %s", path, status, body, want)
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}
