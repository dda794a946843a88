package host

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latticework/components"
	"latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
	"latticework/wit"
	"latticework/wit/abi"
)

// component is a component that this host runs: one revision of it.
type component struct {
	host     *Host
	record   *linkstate.Component
	code     *components.Component
	tmpl     *components.Template
	bindings []*binding
	slots    chan struct{} // one token for each instance at once
	timeout  time.Duration
	idle     *idlePool // with isolation "reuse"; else nil
	running  atomic.Int64

	mu      sync.Mutex
	users   int           // guarded by mu
	retired bool          // guarded by mu; no call may begin
	unused  chan struct{} // closed when retired and without users

	httpOnce sync.Once
	http     *wasihttp.IncomingHandlerExports // written once under httpOnce
	httpErr  error

	// gates are the open generations of its links, guarded by host.mu:
	// link key → generation.
	gates map[string]map[uint64]*gate
}

// loadComponent makes r ready to run. Its linked imports have no routes yet.
//
// Errors: those of Images.Get, Engine.Compile and Component.Link.
func (h *Host) loadComponent(ctx context.Context, r *linkstate.Component) (*component, error) {
	data, err := h.cfg.Images.Get(ctx, r.Image)
	if err != nil {
		return nil, err
	}
	code, err := h.cfg.Engine.Compile(ctx, data)
	if err != nil {
		return nil, err
	}
	c := &component{
		host: h, record: r, code: code, timeout: h.cfg.CallTimeout,
		gates: map[string]map[uint64]*gate{}, unused: make(chan struct{}),
	}
	limit := h.cfg.MaxInstances
	if r.Limits.MaxInstances > 0 {
		limit = int(r.Limits.MaxInstances)
	}
	c.slots = make(chan struct{}, limit)
	if r.Limits.TimeoutMillis > 0 {
		c.timeout = time.Duration(r.Limits.TimeoutMillis) * time.Millisecond
	}
	if r.Isolation == linkstate.IsolationReuse {
		c.idle = newIdlePool(r.Limits.RequestsPerReuse)
	}
	if err := c.link(); err != nil {
		_ = code.Close(ctx)
		return nil, err
	}
	return c, nil
}

func (c *component) link() error {
	h := c.host
	given, err := h.cfg.Builtins(Builtin{
		Component: c.record,
		Config:    func() map[string]string { return h.componentConfig(c.record.Name) },
		Log:       h.cfg.Log.With(slog.String("component", c.record.Name)),
	})
	if err != nil {
		return err
	}
	for _, im := range c.code.Imports() {
		if im.Plain || serves(given, im.Name) || len(im.Funcs) == 0 {
			continue
		}
		decl := contract(h.cfg.Contracts, im.Name)
		if decl == nil {
			if decl, err = declare(im); err != nil {
				return err
			}
		}
		b, err := h.newBinding(c.record.Name, linkstate.DefaultLinkName, len(c.bindings), decl)
		if err != nil {
			return err
		}
		c.bindings = append(c.bindings, b)
		given = append(given, b.bound())
	}
	limits := h.cfg.Limits
	if m := c.record.Limits.MemoryBytes; m > 0 {
		limits.MemoryBytes = m
	}
	if f := c.record.Limits.Fuel; f > 0 {
		limits.Fuel = f
	}
	c.tmpl, err = c.code.Link(components.LinkConfig{Interfaces: given, Limits: limits})
	return err
}

// serves reports whether one of given serves the import.
func serves(given []*abi.Interface, name string) bool { return contract(given, name) != nil }

// contract returns the interface among all that serves an import, nil if none.
func contract(all []*abi.Interface, name string) *abi.Interface {
	for _, d := range all {
		if wit.MatchVersion(name, d.Name) {
			return d
		}
	}
	return nil
}

// declare describes an import that no contract is known for by the component's
// own types: another component may serve it.
func declare(im components.Extern) (*abi.Interface, error) {
	for _, t := range im.Types {
		if t.Resource != nil {
			return nil, errcode.New(errcode.Unsupported, "import %q: resources between linked components are not supported yet (%s)", im.Name, t.Name)
		}
	}
	d := &abi.Interface{Name: im.Name}
	for _, f := range im.Funcs {
		d.Funcs = append(d.Funcs, abi.Func{Name: f.Name, Type: f.Type})
	}
	return d, nil
}

// unlinked returns the imports that link state leads nowhere.
func (c *component) unlinked(v *linkstate.View) []string {
	var out []string
	for _, b := range c.bindings {
		if v.LinkFor(c.record.Name, b.link, b.pkg, b.iface) == nil {
			out = append(out, b.decl.Name)
		}
	}
	return out
}

// errRetired says that the component was replaced or stopped before the call
// began.
var errRetired = errcode.New(errcode.Unavailable, "the component was stopped")

func (c *component) use() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.retired {
		c.users++
	}
	return !c.retired
}

func (c *component) unuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	if c.retired && c.users == 0 {
		close(c.unused)
	}
}

// onComponent runs fn with the component that runs under w's name, again with
// its successor if it was replaced before fn's call began.
func (h *Host) onComponent(ctx context.Context, w *workload[component], fn func(c *component) error) error {
	for {
		c, err := h.runningComponent(ctx, w)
		if err != nil {
			return err
		}
		if err = fn(c); !errors.Is(err, errRetired) || ctx.Err() != nil {
			return err
		}
	}
}

// with runs fn with an instance in its initial state, or with a used one where
// the component allows it. The instance is gone afterwards if fn fails in it.
//
// Errors: ErrExhausted if all instances are busy until ctx ends; those of fn.
func (c *component) with(ctx context.Context, fn func(ctx context.Context, in *components.Instance) error) error {
	if !c.use() {
		return errRetired
	}
	defer c.unuse()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
	default:
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return errcode.New(errcode.Exhausted, "component %s: instances at once: %d > %d", c.record.Name, cap(c.slots)+1, cap(c.slots)).
				WithNext("raise the component's limit, or run it on more hosts")
		}
	}
	c.running.Add(1)
	defer func() {
		c.running.Add(-1)
		<-c.slots
	}()
	in, uses, err := c.instance(ctx)
	if err != nil {
		return err
	}
	err = fn(ctx, in)
	if c.idle == nil || in.Dead() || !c.idle.put(in, uses+1) {
		in.Release(context.WithoutCancel(ctx))
	}
	return err
}

func (c *component) instance(ctx context.Context) (*components.Instance, uint32, error) {
	if c.idle != nil {
		if in, uses := c.idle.get(); in != nil {
			return in, uses, nil
		}
	}
	in, err := c.tmpl.Acquire(ctx)
	return in, 0, err
}

// close waits until no call is in progress and frees the component. Calls end
// by their own time limits.
func (c *component) close(ctx context.Context) {
	c.mu.Lock()
	if !c.retired {
		c.retired = true
		if c.users == 0 {
			close(c.unused)
		}
	}
	c.mu.Unlock()
	<-c.unused // a call cannot outlive its time limit
	if c.idle != nil {
		c.idle.close(ctx)
	}
	c.bindingsGone()
	if err := c.code.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		c.host.cfg.Log.Warn("close component", "component", c.record.Name, "error", err)
	}
}

// bindingsGone lets go of the routes.
func (c *component) bindingsGone() {
	for _, b := range c.bindings {
		b.current.Store(nil)
	}
}

// splitInterface cuts "wasi:keyvalue/store@0.2.0-draft" into package,
// interface and version.
func splitInterface(name string) (pkg, iface, version string) {
	name, version, _ = strings.Cut(name, "@")
	pkg, iface, _ = strings.Cut(name, "/")
	return pkg, iface, version
}

// idlePool keeps used instances, last in, first out.
type idlePool struct {
	max  uint32 // uses of one instance
	mu   sync.Mutex
	free []idleInstance // guarded by mu
	shut bool           // guarded by mu
}

type idleInstance struct {
	in   *components.Instance
	uses uint32
}

// maxIdle bounds the instances kept.
const maxIdle = 64

func newIdlePool(uses uint32) *idlePool {
	if uses == 0 {
		uses = 10_000
	}
	return &idlePool{max: uses}
}

func (p *idlePool) get() (*components.Instance, uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil, 0
	}
	i := p.free[n-1]
	p.free = p.free[:n-1]
	return i.in, i.uses
}

// put reports whether it took the instance.
func (p *idlePool) put(in *components.Instance, uses uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut || uses >= p.max || len(p.free) >= maxIdle {
		return false
	}
	p.free = append(p.free, idleInstance{in, uses})
	return true
}

func (p *idlePool) close(ctx context.Context) {
	p.mu.Lock()
	free := p.free
	p.free, p.shut = nil, true
	p.mu.Unlock()
	for _, i := range free {
		i.in.Release(ctx)
	}
}
