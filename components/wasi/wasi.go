// Package wasi gives guests WASI 0.2 and 0.3 as bound interfaces: cli, clocks,
// filesystem, io, random and sockets at 0.2.12, which serve the whole 0.2
// track, and at 0.3.0. The packages below implement one WIT package each, in
// both versions on one ground; wasi:http stands beside them.
//
// A [Config] says what guests may reach. Its zero value gives no authority: no
// arguments, no environment, no folders, no network, an ended standard input
// and outputs that go nowhere.
package wasi

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latticework/components/wasi/bindings/wasicli"
	"latticework/components/wasi/bindings/wasiclocks"
	"latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/bindings/wasirandom"
	"latticework/components/wasi/bindings/wasisockets"
	"latticework/components/wasi/bindings/wasisockets3"
	"latticework/components/wasi/cli"
	"latticework/components/wasi/clocks"
	"latticework/components/wasi/filesystem"
	"latticework/components/wasi/random"
	"latticework/components/wasi/sockets"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// EnvVar is an environment variable.
type EnvVar struct{ Name, Value string }

// Preopen grants a folder of the host.
type Preopen = filesystem.Preopen

// ExitError is how a guest's exit unwinds the call it was in.
type ExitError = cli.ExitError

// Config says what guests get. A guest of any number of instances sees the
// same; what they open is each one's own.
type Config struct {
	// Args are the arguments, the program's name first.
	Args []string
	// Env are environment variables, with different names.
	Env []EnvVar
	// Cwd is the initial working folder as a guest path; "" for none.
	Cwd string

	// Stdin, Stdout and Stderr belong to the caller, who closes them. See
	// [cli.NewStdio] for who waits in them.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminals tells which of them are terminals.
	Terminals cli.Terminals

	// Preopens are granted folders, under different guest paths.
	Preopens []Preopen
	// MaxOpenFiles bounds open files and folders of all instances together;
	// 0 stands for [filesystem.DefaultMaxOpen].
	MaxOpenFiles int

	// Network is what the network may be used for.
	Network sockets.Policy
	// MaxSockets bounds open sockets of all instances together; 0 stands for
	// [sockets.DefaultMaxSockets].
	MaxSockets int
	// Limited is told of each file and socket that was refused because of
	// MaxOpenFiles or MaxSockets, with code exhausted and both numbers: the
	// guest's error code does not say them. nil for nobody. It may run on
	// several goroutines at once and returns soon.
	Limited func(error)
	// Resolver looks up host names; nil stands for the system's.
	Resolver sockets.Resolver

	// Timezone is the zone that guests are told of; nil stands for the one that
	// the variable TZ in Env names, else UTC.
	Timezone *time.Location
	// Clock is where time comes from; nil stands for the system's clock.
	Clock clocks.Clock
	// Random is where random bytes come from, safe for concurrent use; nil
	// stands for the system's generator.
	Random io.Reader
}

// Validate reports everything that is wrong with c, with code invalid.
func (c Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, errcode.New(errcode.Invalid, format, args...))
	}
	for i, a := range c.Args {
		if !isText(a) {
			refuse("argument %d is not UTF-8 or holds a zero byte", i)
		}
	}
	var names, paths []string
	for _, e := range c.Env {
		if e.Name == "" || strings.Contains(e.Name, "=") || !isText(e.Name) || !isText(e.Value) {
			refuse("environment variable %q: a name holds no =, both are UTF-8 without a zero byte", e.Name)
		}
		if slices.Contains(names, e.Name) {
			refuse("environment variable %q is given twice", e.Name)
		}
		names = append(names, e.Name)
	}
	for _, p := range c.Preopens {
		if p.GuestPath == "" || !isText(p.GuestPath) {
			refuse("folder %q: guest path %q is empty, not UTF-8 or holds a zero byte", p.HostDir, p.GuestPath)
		}
		if slices.Contains(paths, p.GuestPath) {
			refuse("guest path %q is given twice", p.GuestPath)
		}
		paths = append(paths, p.GuestPath)
	}
	return errors.Join(errs...)
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// System is WASI under one Config. It is safe for concurrent use.
type System struct {
	interfaces []*abi.Interface
	files      *filesystem.System
	group      *streams.Group // writes what guests of WASI 0.3 give
}

// Open opens what cfg grants.
//
// Errors:
//   - invalid as [Config.Validate] says.
//   - those of [filesystem.Open].
//   - internal if Random fails.
func Open(cfg Config) (*System, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = clocks.System()
	}
	if cfg.Timezone == nil {
		cfg.Timezone = zoneOf(cfg.Env)
	}
	seed, err := random.Seed(cfg.Random)
	if err != nil {
		return nil, err
	}
	files, err := filesystem.Open(filesystem.Config{
		Preopens: cfg.Preopens, MaxOpen: cfg.MaxOpenFiles, Limited: cfg.Limited, Now: cfg.Clock.Wall,
	})
	if err != nil {
		return nil, err
	}
	s := &System{files: files, group: streams.NewGroup()}
	env := environment(cfg)
	stdio := cli.NewStdio(cfg.Stdin, cfg.Stdout, cfg.Stderr)
	insecure := random.NewInsecure(seed)
	s.bindCLI(cfg, env, stdio)
	s.bindSystem(cfg, insecure)
	s.bindSockets(cfg)
	s.bind3(cfg, env, stdio, insecure)
	return s, nil
}

// zoneOf returns the zone that TZ names, nil without one.
func zoneOf(env []EnvVar) *time.Location {
	for _, e := range env {
		if e.Name == "TZ" && e.Value != "" {
			if zone, err := time.LoadLocation(e.Value); err == nil && zone != time.Local {
				return zone
			}
		}
	}
	return nil
}

func (s *System) bind(list ...*abi.Interface) { s.interfaces = append(s.interfaces, list...) }

func environment(cfg Config) *cli.Environment {
	env := make([]abi.Tuple2[string, string], len(cfg.Env))
	for i, e := range cfg.Env {
		env[i] = abi.Tuple2[string, string]{F0: e.Name, F1: e.Value}
	}
	return &cli.Environment{Args: cfg.Args, Env: env, Cwd: cfg.Cwd}
}

func (s *System) bindCLI(cfg Config, env *cli.Environment, stdio *cli.Stdio) {
	s.bind(
		wasicli.BindEnvironment(env),
		wasicli.BindExit(cli.Exit{}),
		wasicli.BindStdin(stdio),
		wasicli.BindStdout(stdio),
		wasicli.BindStderr(stdio),
		wasicli.BindTerminalInput(cfg.Terminals),
		wasicli.BindTerminalOutput(cfg.Terminals),
		wasicli.BindTerminalStdin(cfg.Terminals),
		wasicli.BindTerminalStdout(cfg.Terminals),
		wasicli.BindTerminalStderr(cfg.Terminals),
	)
}

func (s *System) bindSystem(cfg Config, insecure *random.Insecure) {
	s.bind(
		wasiio.BindError(streams.Interfaces{}),
		wasiio.BindPoll(streams.Interfaces{}),
		wasiio.BindStreams(streams.Interfaces{}),
		wasiclocks.BindMonotonicClock(clocks.NewMonotonic(cfg.Clock)),
		wasiclocks.BindWallClock(clocks.NewWall(cfg.Clock)),
		wasiclocks.BindTimezone(clocks.NewTimezone(cfg.Timezone)),
		wasirandom.BindRandom(random.NewSecure(cfg.Random)),
		wasirandom.BindInsecure(insecure),
		wasirandom.BindInsecureSeed(insecure),
		wasifilesystem.BindTypes(s.files),
		wasifilesystem.BindPreopens(s.files),
	)
}

func (s *System) bindSockets(cfg Config) {
	net := sockets.New(sockets.Config{
		Policy: cfg.Network, MaxSockets: cfg.MaxSockets, Limited: cfg.Limited, Resolver: cfg.Resolver,
	})
	s.bind(
		wasisockets.BindNetwork(net),
		wasisockets.BindInstanceNetwork(net),
		wasisockets.BindIpNameLookup(net),
		wasisockets.BindTcp(net),
		wasisockets.BindTcpCreateSocket(net),
		wasisockets.BindUdp(net),
		wasisockets.BindUdpCreateSocket(net),
	)
	net3 := sockets.New3(net, s.group)
	s.bind(wasisockets3.BindTypes(net3), wasisockets3.BindIpNameLookup(net3))
}

// Interfaces returns the bound interfaces, to be linked to any number of
// components.
func (s *System) Interfaces() []*abi.Interface { return slices.Clone(s.interfaces) }

// Close writes what guests gave in streams of WASI 0.3 and gives up the granted
// folders; what instances still hold open stays until they drop it. It is
// idempotent.
func (s *System) Close() error {
	s.group.Close()
	return s.files.Close()
}

// Interfaces returns the interfaces of a [System] that is never closed: for a
// process that runs guests until it ends, or a cfg without folders.
//
// Errors: those of [Open].
func Interfaces(cfg Config) ([]*abi.Interface, error) {
	s, err := Open(cfg)
	if err != nil {
		return nil, err
	}
	return s.interfaces, nil
}
