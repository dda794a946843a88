// Package cli is the command line: it reads what the user asks, does it through
// the other packages, and prints what became of it, as text or as JSON.
package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Streams are a process's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the command line and returns the process's exit status: 0, the
// status of the error's code, or that of a guest program.
func Main(args []string, s Streams) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	a := &app{Streams: s}
	stop := a.watchSignals(cancel)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	return a.fail(cmd, args, err)
}

// app is one run of the command line.
type app struct {
	Streams
	flags globalFlags
}

// globalFlags are those of every command.
type globalFlags struct {
	output  string
	lattice string
	data    string
	nats    string
	timeout time.Duration
	verbose bool
}

// exitCode ends the process with the status of a guest; nothing is printed.
type exitCode int

func (e exitCode) Error() string { return "exit" }

// sameSignal is how long after the first signal another one still belongs to
// it: who stops a whole process group often signals its members one by one,
// too.
const sameSignal = 200 * time.Millisecond

// watchSignals ends the context at the first SIGINT or SIGTERM and the process
// at the second.
func (a *app) watchSignals(cancel context.CancelCauseFunc) (stop func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		var first time.Time
		for {
			select {
			case <-c:
			case <-done:
				return
			}
			switch {
			case first.IsZero():
				first = time.Now()
				cancel(errInterrupted)
			case time.Since(first) > sameSignal:
				_, _ = io.WriteString(a.Err, "lattice: stopped at once; what was not finished is lost\n")
				os.Exit(1)
			}
		}
	})
	return func() {
		signal.Stop(c)
		close(done)
		group.Wait()
	}
}

// budget bounds a command by --timeout, or by its own default.
func (a *app) budget(ctx context.Context, byDefault time.Duration) (context.Context, context.CancelFunc) {
	d := a.flags.timeout
	if d == 0 {
		d = byDefault
	}
	return context.WithTimeout(ctx, d)
}

// logger writes to standard error: warnings of the machinery, and from Info on
// what components and providers say; with --verbose everything.
func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.flags.verbose {
		level = slog.LevelDebug
	}
	o := &slog.HandlerOptions{Level: slog.LevelDebug - 4}
	var h slog.Handler = slog.NewTextHandler(a.Err, o)
	if a.json() {
		h = slog.NewJSONHandler(a.Err, o)
	}
	return slog.New(&levelled{Handler: h, least: level})
}

// levelled is a handler whose records from a component or provider count from
// Info on.
type levelled struct {
	slog.Handler
	least slog.Level
}

// Enabled implements [slog.Handler].
func (l *levelled) Enabled(_ context.Context, level slog.Level) bool { return level >= l.least }

// WithAttrs implements [slog.Handler].
func (l *levelled) WithAttrs(attrs []slog.Attr) slog.Handler {
	least := l.least
	for _, at := range attrs {
		if at.Key == "component" || at.Key == "provider" {
			least = min(least, slog.LevelInfo)
		}
	}
	return &levelled{l.Handler.WithAttrs(attrs), least}
}

// WithGroup implements [slog.Handler].
func (l *levelled) WithGroup(name string) slog.Handler {
	return &levelled{l.Handler.WithGroup(name), l.least}
}

func (a *app) json() bool { return a.flags.output == "json" }

// version returns the version of the binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// parent makes a command of subcommands, which does nothing by itself.
func parent(c *cobra.Command, children ...*cobra.Command) *cobra.Command {
	c.AddCommand(children...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = unknownSubcommand
	return c
}
