package logging

import (
	"context"
	"log/slog"
	"sync/atomic"
	"unicode/utf8"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/wit/abi"
)

// Name is how manifests call the technology.
const Name = "logging"

// InterfaceName is what is served.
const InterfaceName = "wasi:logging/logging@0.1.0-draft"

// The levels that slog has no name for.
const (
	SlogTrace    = slog.LevelDebug - 4
	SlogCritical = slog.LevelError + 4
)

// maxText is how much of a message or context is written, in bytes.
const maxText = 64 << 10

// Technology describes it for a registry.
func Technology() providers.Technology {
	return providers.Technology{
		Name:       Name,
		Summary:    "messages of components, written to the host's log",
		Interfaces: []string{InterfaceName},
		New:        func(s providers.Setup) (providers.Provider, error) { return New(s) },
	}
}

// Provider writes the messages of components to a log.
type Provider struct {
	name string
	log  *slog.Logger
}

// New returns a provider that writes to the setup's log; it has no settings
// of its own.
//
// Errors:
//   - errcode.Invalid if there are settings.
func New(s providers.Setup) (*Provider, error) {
	if err := providers.ReadSettings("provider "+s.Name, s.Config).Err(); err != nil {
		return nil, err
	}
	return &Provider{name: s.Name, log: s.Logger()}, nil
}

// Info implements [providers.Provider].
func (p *Provider) Info() providers.Info {
	return providers.Info{Name: p.name, Technology: Name, Interfaces: []string{InterfaceName}}
}

// Open implements [providers.Provider]; there is nothing to open.
func (p *Provider) Open(context.Context) error { return nil }

// Health implements [providers.Provider].
func (p *Provider) Health(context.Context) error { return nil }

// Close implements [providers.Provider].
func (p *Provider) Close(context.Context) error { return nil }

// Link returns a session that writes the source's messages with its name as
// the attribute "component". Its setting is "level", the least that is
// written: trace, the default, debug, info, warn, error or critical.
//
// Errors:
//   - errcode.Invalid for settings that are unknown or wrong.
//   - errcode.Unsupported for an interface that is not served.
func (p *Provider) Link(_ context.Context, l providers.Link) (providers.Session, error) {
	c := providers.ReadSettings("link "+l.String(), l.Config)
	least := c.OneOf("level", "trace", levelNames[:]...)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if _, err := providers.Requested(l, []string{InterfaceName}); err != nil {
		return nil, err
	}
	s := &session{}
	logger := &Logger{log: p.log.With("component", l.Source)}
	for i, name := range levelNames {
		if name == least {
			logger.least = Level(i)
		}
	}
	s.interfaces = []*abi.Interface{BindLogging(logger)}
	return s, nil
}

type session struct {
	interfaces []*abi.Interface
	closed     atomic.Bool
}

func (s *session) Interfaces() []*abi.Interface { return s.interfaces }

func (s *session) Probe(context.Context) error {
	if s.closed.Load() {
		return errcode.New(errcode.Closed, "probe: the link was closed")
	}
	return nil
}

func (s *session) Close(context.Context) error {
	s.closed.Store(true)
	return nil
}

// Logger implements [LoggingInterface] on slog.
type Logger struct {
	log   *slog.Logger
	least Level
}

// NewLogger returns a Logger that writes everything to log.
func NewLogger(log *slog.Logger) *Logger { return &Logger{log: log} }

// Log implements [LoggingInterface]. The guest's context becomes the
// attribute "context" unless it is empty. Long texts are cut, and say so.
func (l *Logger) Log(ctx context.Context, level Level, context_, message string) error {
	if level < l.least {
		return nil
	}
	to := SlogLevel(level)
	if !l.log.Enabled(ctx, to) {
		return nil
	}
	var attrs []slog.Attr
	if context_ != "" {
		attrs = append(attrs, slog.String("context", cut(context_)))
	}
	l.log.LogAttrs(ctx, to, cut(message), attrs...)
	return nil
}

// SlogLevel returns the level that slog uses for l.
func SlogLevel(l Level) slog.Level {
	switch l {
	case LevelTrace:
		return SlogTrace
	case LevelDebug:
		return slog.LevelDebug
	case LevelInfo:
		return slog.LevelInfo
	case LevelWarn:
		return slog.LevelWarn
	case LevelError:
		return slog.LevelError
	}
	return SlogCritical
}

// cut shortens s to maxText bytes, between two characters.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "… (cut)"
}
