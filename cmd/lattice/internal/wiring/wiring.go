// Package wiring is the one place that names concrete technologies together:
// what providers a host can make, which interfaces links can serve, and what
// every component gets without a link.
package wiring

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"latticework/components/wasi"
	bindings "latticework/components/wasi/bindings/wasihttp"
	bindings3 "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp"
	"latticework/components/wasi/wasihttp3"
	"latticework/host"
	"latticework/internal/httpout"
	"latticework/lattice/linkstate"
	"latticework/providers"
	"latticework/providers/config/draft"
	"latticework/providers/config/rc1"
	"latticework/providers/httpclient"
	"latticework/providers/httpserver"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvfile"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/providers/keyvalue/kvredis"
	"latticework/providers/logging"
	"latticework/wit/abi"
)

// Registry returns the providers inside the binary.
func Registry() (*providers.Registry, error) {
	return providers.NewRegistry(
		httpclient.Technology(),
		httpserver.Technology(),
		kvfile.Technology(),
		kvmemory.Technology(),
		kvredis.Technology(),
	)
}

// Contracts describe the interfaces that providers serve over links, and those
// of other components that are made in the host. Their
// functions must not be called. One that is built in as well is served by the
// link where there is one.
func Contracts() []*abi.Interface {
	return []*abi.Interface{
		keyvalue.BindStore(nil), keyvalue.BindAtomics(nil), keyvalue.BindBatch(nil),
		bindings.BindOutgoingHandler(nil), bindings3.BindClient(nil), bindings3.BindHandler(nil),
	}
}

// Builtins returns what a component gets without a link where the operator lets
// manifests grant no folder, see [Operator.Builtins].
func Builtins(b host.Builtin) ([]*abi.Interface, error) { return Operator{}.Builtins(b) }

// Operator is what whoever runs a host lets manifests grant on it.
type Operator struct {
	// Dirs are folders that manifests may grant, with what is in them.
	Dirs []string
}

// Builtins returns what a component gets without a link: WASI and requests over
// HTTP with the authority that it is granted, its own settings, and logging.
// What the component writes to its standard output and error is logged, too.
//
// Errors:
//   - denied for a folder that is not the operator's to grant.
//   - those of [grant.Set.Add], [wasi.Open] and [httpout.New].
func (o Operator) Builtins(b host.Builtin) ([]*abi.Interface, error) {
	log := b.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	set, err := o.granted(b.Component)
	if err != nil {
		return nil, err
	}
	cfg := Granted(set)
	cfg.Stdout = &lineLog{log: log, stream: "stdout"}
	cfg.Stderr = &lineLog{log: log, stream: "stderr"}
	var limits linkstate.Limits
	if b.Component != nil {
		limits = b.Component.Limits
	}
	if len(cfg.Args) > 0 {
		cfg.Args = append([]string{b.Component.Name}, cfg.Args...)
	}
	cfg.MaxOpenFiles, cfg.MaxSockets = int(limits.OpenFiles), int(limits.Sockets)
	cfg.Limited = limited(log)
	system, err := wasi.Open(cfg)
	if err != nil {
		return nil, err
	}
	client, err := httpout.New(clientConfig(set, limits))
	if err != nil {
		_ = system.Close()
		return nil, err
	}
	if b.Defer != nil {
		b.Defer(func() {
			client.Close()
			_ = system.Close() // what was granted stays as it is
		})
	}
	out := wasihttp.NewOutgoing(client)
	Report(out, log)
	types := wasihttp.Types{MaxFields: int(limits.Headers), MaxFieldBytes: int(limits.HeaderBytes)}
	given := append(system.Interfaces(), types.Interfaces(out)...)
	given = append(given, wasihttp3.Types(types).Interfaces(out)...)
	settings := &liveSettings{read: b.Config}
	given = append(given, rc1.BindStore(settings), draft.BindStore(settings))
	return append(given, logging.BindLogging(logging.NewLogger(log))), nil
}

// liveSettings serve wasi:config, both versions, from settings that may change
// between two calls.
type liveSettings struct{ read func() map[string]string }

var (
	_ rc1.StoreInterface   = (*liveSettings)(nil)
	_ draft.StoreInterface = (*liveSettings)(nil)
)

func (s *liveSettings) now() map[string]string {
	if s.read == nil {
		return nil
	}
	return s.read()
}

// Get implements wasi:config/store.
func (s *liveSettings) Get(_ context.Context, key string) (abi.Option[string], error) {
	v, ok := s.now()[key]
	return abi.Option[string]{Value: v, Some: ok}, nil
}

// GetAll implements wasi:config/store; settings are in the order of their
// keys.
func (s *liveSettings) GetAll(context.Context) ([]abi.Tuple2[string, string], error) {
	all := s.now()
	out := make([]abi.Tuple2[string, string], 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, abi.Tuple2[string, string]{F0: k, F1: all[k]})
	}
	return out, nil
}
