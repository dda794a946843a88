package host

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/lattice"
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
	waiting  atomic.Int64  // calls that wait for a slot, at most as many as there are slots
	timeout  time.Duration
	idle     *idlePool // with isolation "reuse"; else nil
	running  atomic.Int64

	mu      sync.Mutex
	calls   map[*callInProgress]struct{} // guarded by mu
	retired bool                         // guarded by mu; no call may begin
	unused  chan struct{}                // closed when retired and without calls

	freed    sync.Once
	httpOnce sync.Once
	http     httpServer // written once under httpOnce
	httpErr  error
	callers  sync.Map // *boundFunc → abi.ExportedFunc

	settings atomic.Pointer[settings]
	ends     []func() // what ends with it, see Builtin.Defer

	// gates are those of its links that are present or still have something
	// open, guarded by host.mu.
	gates []*gate
}

// callInProgress is one use of a component.
type callInProgress struct {
	cancel context.CancelFunc
	follow func() bool // ends that the caller's end is the call's; nil if that cannot end
}

// answered says that the caller has its answer: what the guest does from then
// on does not end with the caller.
func (u *callInProgress) answered() {
	if u.follow != nil {
		u.follow()
	}
}

// settings are a component's own at one state of the lattice.
type settings struct {
	view   *linkstate.View
	values map[string]string
}

// loadComponent makes r ready to run. Its linked imports have no routes yet.
//
// Errors: those of Images.Get, Engine.CompileWithin and Component.Link.
func (h *Host) loadComponent(ctx context.Context, r *linkstate.Component) (*component, error) {
	data, err := h.cfg.Images.Get(ctx, r.Image)
	if err != nil {
		return nil, err
	}
	code, err := h.cfg.Engine.CompileWithin(ctx, data, r.Limits.MemoryBytes)
	if err != nil {
		return nil, err
	}
	c := &component{
		host: h, record: r, code: code, timeout: h.cfg.CallTimeout,
		calls: map[*callInProgress]struct{}{}, unused: make(chan struct{}),
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
		c.end()
		_ = code.Close(ctx)
		return nil, err
	}
	return c, nil
}

func (c *component) link() error {
	h := c.host
	given, err := h.cfg.Builtins(Builtin{
		Component: c.record,
		Config:    c.config,
		Log:       h.cfg.Log.With(slog.String("component", c.record.Name)),
		Defer:     func(end func()) { c.ends = append(c.ends, end) },
	})
	if err != nil {
		return err
	}
	builtins := given
	for _, im := range c.code.Imports() {
		if im.Plain || len(im.Funcs) == 0 {
			continue
		}
		decl := contract(h.cfg.Contracts, im.Name)
		own := contract(builtins, im.Name)
		switch {
		case own != nil && decl == nil:
			continue
		case own != nil:
			decl = own
			given = slices.DeleteFunc(slices.Clone(given), func(i *abi.Interface) bool { return i == own })
		case decl == nil:
			if decl, err = declare(im); err != nil {
				return err
			}
		}
		b, err := h.newBinding(c.record.Name, linkstate.DefaultLinkName, len(c.bindings), decl)
		if err != nil {
			return err
		}
		if own != nil {
			b.builtin = functionsOf(own)
		}
		c.bindings = append(c.bindings, b)
		given = append(given, b.bound())
	}
	c.tmpl, err = c.code.Link(components.LinkConfig{Interfaces: given, Limits: c.limits(), ReuseInitialized: c.record.ReuseInitialized})
	return err
}

// functionsOf returns the functions of i in its order.
func functionsOf(i *abi.Interface) []callee {
	calls := make([]callee, len(i.Funcs))
	for n := range i.Funcs {
		calls[n] = callee{i.Funcs[n].Call, i.Funcs[n].Start}
	}
	return calls
}

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
		if b.builtin == nil && v.LinkFor(c.record.Name, b.link, b.pkg, b.iface) == nil {
			out = append(out, b.decl.Name)
		}
	}
	return out
}

// errRetired says that the component was replaced or stopped before the call
// began.
var errRetired = errcode.New(errcode.Unavailable, "the component was stopped")

// begin notes a call; it answers false if none may begin any more.
func (c *component) begin(call *callInProgress) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.retired {
		c.calls[call] = struct{}{}
	}
	return !c.retired
}

func (c *component) finish(call *callInProgress) {
	call.answered()
	call.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, call)
	if c.retired && len(c.calls) == 0 {
		close(c.unused)
	}
}

// onComponent runs fn with the component that runs under w's name, again with
// its successor if it was replaced before fn's call began.
func (h *Host) onComponent(ctx context.Context, w *workload[component], fn func(c *component) error) error {
	for {
		c, err := w.get(ctx)
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
// Tasks that the guest leaves behind, as those of WASI 0.3 may, go on after with
// has returned, within the call's time; the call is in progress until then.
//
// Errors: ErrExhausted if all instances are busy and no place in the queue is
// free, or none is free before ctx ends; those of Template.Acquire and fn. fn
// was not called if the error is one of IsRefused.
func (c *component) with(ctx context.Context, fn func(ctx context.Context, in *components.Instance) error) error {
	return c.use(ctx, func(ctx context.Context, in *components.Instance, _ *callInProgress) error { return fn(ctx, in) })
}

// use is with for an fn that knows before its end when the caller is answered.
func (c *component) use(caller context.Context, fn func(ctx context.Context, in *components.Instance, call *callInProgress) error) error {
	ctx, call := c.call(caller)
	if !c.begin(call) {
		call.cancel()
		return errRetired
	}
	if err := c.slot(ctx); err != nil {
		c.finish(call)
		return lattice.Refuse(err)
	}
	in, uses, err := c.instance(ctx)
	if err != nil {
		c.leave(call)
		return lattice.Refuse(c.exceeded(caller, err))
	}
	end := func() {
		c.keep(in, uses+1)
		c.leave(call)
	}
	goesOn := false
	defer func() {
		if !goesOn {
			end()
		}
	}()
	err = fn(ctx, in, call)
	c.logTrap(err)
	err = c.exceeded(caller, err)
	if goesOn = in.Busy(); goesOn {
		call.answered()
		go func() {
			c.logTrap(in.Drive(ctx, nil))
			end()
		}()
	}
	return err
}

// call returns the context of a call, which ends with caller unless the call is
// answered before. The guest may go on after that only if it can have tasks.
func (c *component) call(caller context.Context) (context.Context, *callInProgress) {
	if !c.tmpl.Async() {
		ctx, cancel := context.WithTimeout(caller, c.timeout)
		return ctx, &callInProgress{cancel: cancel}
	}
	own, end := context.WithCancelCause(context.WithoutCancel(caller))
	ctx, cancel := context.WithTimeout(own, c.timeout)
	return ctx, &callInProgress{cancel, context.AfterFunc(caller, func() { end(context.Cause(caller)) })}
}

// keep holds a used instance for another call, or ends it.
func (c *component) keep(in *components.Instance, uses uint32) {
	if c.idle == nil || in.Dead() || !c.idle.put(in, uses) {
		in.Release(context.Background())
	}
}

// leave ends a call that had a slot.
func (c *component) leave(call *callInProgress) {
	c.running.Add(-1)
	<-c.slots
	c.finish(call)
}

// logTrap logs where in the guest a trap was; callers are told that there was
// one, not the guest's stack.
func (c *component) logTrap(err error) {
	t, ok := components.IsTrap(err)
	if !ok || len(t.Stack) == 0 || errors.Is(err, context.Canceled) {
		return
	}
	c.host.cfg.Log.Warn("trap", "component", c.record.Name, "function", t.Function, "error", t.Reason, "stack", strings.Join(t.Stack, "\n"))
}

// slot waits until one more instance may run.
func (c *component) slot(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		c.running.Add(1)
		return nil
	default:
	}
	room := int64(cap(c.slots))
	full := func(what string, have, limit int64) error {
		return errcode.New(errcode.Exhausted, "component %s: %s: %d > %d", c.record.Name, what, have, limit).
			WithNext("raise latticework.limits.instances of component %s in its manifest, or run it on more hosts", c.record.Name)
	}
	n := c.waiting.Add(1)
	defer c.waiting.Add(-1)
	if n > room {
		return full("calls that run or wait for an instance", room+n, 2*room)
	}
	select {
	case c.slots <- struct{}{}:
		c.running.Add(1)
		return nil
	case <-ctx.Done():
		return full("instances at once, until the call's time was over", room+1, room)
	}
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

// close waits until no call is in progress and frees the component. It is
// idempotent. Calls end by their own time limits; those that are in progress
// when ctx ends are stopped.
func (c *component) close(ctx context.Context) {
	c.mu.Lock()
	if !c.retired {
		c.retired = true
		if len(c.calls) == 0 {
			close(c.unused)
		}
	}
	c.mu.Unlock()
	select {
	case <-c.unused:
	case <-ctx.Done():
		c.stopCalls()
		<-c.unused
	}
	c.freed.Do(func() { c.free(context.WithoutCancel(ctx)) })
}

// stopCalls ends the contexts of the calls in progress: a guest stops at its
// next loop iteration.
func (c *component) stopCalls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for call := range c.calls {
		call.cancel()
	}
}

func (c *component) free(ctx context.Context) {
	if c.idle != nil {
		c.idle.close(ctx)
	}
	for _, b := range c.bindings {
		b.current.Store(nil)
	}
	if err := c.code.Close(ctx); err != nil {
		c.host.cfg.Log.Warn("close component", "component", c.record.Name, "error", err)
	}
	c.end()
}

// end gives up what was opened for the component.
func (c *component) end() {
	for _, end := range c.ends {
		end()
	}
	c.ends = nil
}

// config returns the component's own settings as they are now. Nobody changes
// the map.
func (c *component) config() map[string]string {
	h := c.host
	h.mu.Lock()
	v := h.view
	h.mu.Unlock()
	if s := c.settings.Load(); s != nil && s.view == v {
		return s.values
	}
	s := &settings{view: v}
	if r := v.Component(c.record.Name); r != nil {
		var err error
		if s.values, err = v.ResolveConfig(r.Config); err != nil { // link state holds no component with a config that is absent
			h.cfg.Log.Error("component config", "component", c.record.Name, "error", err)
		}
	}
	c.settings.Store(s)
	return s.values
}

// splitInterface cuts "wasi:keyvalue/store@0.2.0-draft" into package,
// interface and version.
func splitInterface(name string) (pkg, iface, version string) {
	name, version, _ = strings.Cut(name, "@")
	pkg, iface, _ = strings.Cut(name, "/")
	return pkg, iface, version
}
