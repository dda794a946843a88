package lattice

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
)

// ClientConfig configures a Client.
type ClientConfig struct {
	Bus     Bus
	Lattice string // the lattice's name
	// Cluster, if set, refuses to talk to another cluster.
	Cluster ClusterID
	// Patience is how long a request nobody received is tried again, within
	// the context's deadline; 0 means 2 s, negative not at all.
	Patience time.Duration
	// Repeat is after how long without a reply a request is sent again, under the
	// same id, beside the first: then after twice as long, and so on; 0 means 3 s.
	Repeat time.Duration
}

// Client asks the control members. It does not own the bus. It is safe for
// concurrent use.
//
// Every method waits for the reply until ctx ends, or DefaultRequestTimeout
// without a deadline. Errors beside the stated ones: ErrUnavailable if no
// control member answers; ErrDeadline if the answer did not come in time.
//
// A write carries a request id: a fresh one, or that of WithRequest. One that
// nobody received, or that is not answered, is repeated under the same id. After
// any other error the caller may repeat it under the same id: it has its effect
// once.
type Client struct {
	cfg      ClientConfig
	subjects Subjects
}

// NewClient returns a client.
//
// Errors:
//   - ErrInvalid if the lattice's name is not valid or Bus is nil.
func NewClient(cfg ClientConfig) (*Client, error) {
	if cfg.Bus == nil {
		return nil, errcode.New(errcode.Invalid, "new client: no bus")
	}
	if err := ValidName("lattice", cfg.Lattice); err != nil {
		return nil, err
	}
	if cfg.Patience == 0 {
		cfg.Patience = 2 * time.Second
	}
	if cfg.Repeat <= 0 {
		cfg.Repeat = 3 * time.Second
	}
	return &Client{cfg: cfg, subjects: Subjects(cfg.Lattice)}, nil
}

type requestKey struct{}

// WithRequest gives the writes under ctx a request id. Use it for one write and
// its repetitions.
func WithRequest(ctx context.Context, id RequestID) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

func requestID(ctx context.Context) RequestID {
	if id, ok := ctx.Value(requestKey{}).(RequestID); ok {
		return id
	}
	return NewRequestID()
}

// none is the body of a request that says nothing.
type none struct{}

// Hello asks which cluster this is.
func (c *Client) Hello(ctx context.Context) (Hello, error) {
	return ask[none, Hello](ctx, c, OpHello, none{})
}

// PutLink creates a link or replaces the one with the same key. Changing the
// targets of a link that is in use is a swap. The new target is prepared on
// all affected live hosts first; a rejection leaves everything as it was.
//
// Errors:
//   - ErrInvalid if a part breaks its limits.
//   - ErrNotFound if source, target or a config does not exist.
//   - ErrConflict if Expect does not hold, another swap of the link is under
//     way, or another link of the source has one of the interfaces under the
//     same name.
//   - the provider's own code if it rejects the link.
func (c *Client) PutLink(ctx context.Context, r PutLinkRequest) (LinkReply, error) {
	return ask[PutLinkRequest, LinkReply](ctx, c, OpLinkPut, r)
}

// GetLink returns a link and its state on the affected hosts.
//
// Errors:
//   - ErrNotFound; ErrInvalid if several links match.
func (c *Client) GetLink(ctx context.Context, q LinkQuery) (LinkStatus, error) {
	return ask[LinkQuery, LinkStatus](ctx, c, OpLinkGet, q)
}

// ListLinks returns all links, sorted by key.
func (c *Client) ListLinks(ctx context.Context) (LinksReply, error) {
	return ask[none, LinksReply](ctx, c, OpLinkList, none{})
}

// DeleteLink removes a link; one that does not exist is Unchanged.
//
// Errors:
//   - ErrConflict if Expect does not hold; ErrInvalid if several links match.
func (c *Client) DeleteLink(ctx context.Context, r DeleteLinkRequest) (LinkReply, error) {
	return ask[DeleteLinkRequest, LinkReply](ctx, c, OpLinkDelete, r)
}

// SwapLink leads a link to another target while calls flow. No call that
// starts after it returned reaches the old target.
//
// Errors: as PutLink, and
//   - ErrNotFound if the link does not exist.
//   - ErrUnavailable if the new target runs nowhere.
func (c *Client) SwapLink(ctx context.Context, r SwapLinkRequest) (LinkReply, error) {
	return ask[SwapLinkRequest, LinkReply](ctx, c, OpLinkSwap, r)
}

// PutConfig creates or replaces a config. Links in use that name it are tried
// with the new values first; a rejection leaves everything as it was.
//
// Errors:
//   - ErrInvalid, ErrConflict; the provider's own code if it rejects the values.
func (c *Client) PutConfig(ctx context.Context, r PutConfigRequest) (WriteReply, error) {
	return ask[PutConfigRequest, WriteReply](ctx, c, OpConfigPut, r)
}

// GetConfig returns a config.
//
// Errors:
//   - ErrNotFound.
func (c *Client) GetConfig(ctx context.Context, name string) (linkstate.Config, error) {
	return ask[NameRequest, linkstate.Config](ctx, c, OpConfigGet, NameRequest{Name: name})
}

// ListConfigs returns all configs, sorted by name.
func (c *Client) ListConfigs(ctx context.Context) (ConfigsReply, error) {
	return ask[none, ConfigsReply](ctx, c, OpConfigList, none{})
}

// DeleteConfig removes a config; one that does not exist is Unchanged.
//
// Errors:
//   - ErrConflict while something names it, or if Expect does not hold.
func (c *Client) DeleteConfig(ctx context.Context, r NameRequest) (WriteReply, error) {
	return ask[NameRequest, WriteReply](ctx, c, OpConfigDelete, r)
}

// DeployApplication replaces an application and all its parts in one step.
// What was deployed last, again, is Unchanged.
//
// Errors:
//   - ErrInvalid if a part breaks its limits.
//   - ErrExists if a part belongs to another application or was made by hand.
//   - ErrNotFound if a link or workload names something that does not exist.
//   - ErrConflict if Expect does not hold.
//   - with Wait, the reason why a part does not run; what was committed stays.
func (c *Client) DeployApplication(ctx context.Context, r DeployRequest) (WriteReply, error) {
	return ask[DeployRequest, WriteReply](ctx, c, OpApplicationDeploy, r)
}

// DeleteApplication removes an application with all its parts; one that does
// not exist is Unchanged.
//
// Errors:
//   - ErrConflict if a part is in use elsewhere, or if Expect does not hold.
func (c *Client) DeleteApplication(ctx context.Context, r NameRequest) (WriteReply, error) {
	return ask[NameRequest, WriteReply](ctx, c, OpApplicationDelete, r)
}

// ListApplications returns all applications, sorted by name.
func (c *Client) ListApplications(ctx context.Context) (ApplicationsReply, error) {
	return ask[none, ApplicationsReply](ctx, c, OpApplicationList, none{})
}

// ListHosts returns the hosts seen lately, sorted by id.
func (c *Client) ListHosts(ctx context.Context) (HostsReply, error) {
	return ask[none, HostsReply](ctx, c, OpHostList, none{})
}

// ListComponents returns all components and where they run, sorted by name.
func (c *Client) ListComponents(ctx context.Context) (ComponentsReply, error) {
	return ask[none, ComponentsReply](ctx, c, OpComponentList, none{})
}

// ListProviders returns all providers and where they run, sorted by name.
func (c *Client) ListProviders(ctx context.Context) (ProvidersReply, error) {
	return ask[none, ProvidersReply](ctx, c, OpProviderList, none{})
}

// Call calls an export of a component, given as WAVE text, on one of the hosts
// that run it, and returns the result as WAVE text. It is executed at most
// once.
//
// Errors:
//   - ErrNotFound if the component does not exist.
//   - ErrUnavailable if it runs on no live host.
//   - the callee's own.
func (c *Client) Call(ctx context.Context, component, text string) (CallReply, error) {
	list, err := c.ListComponents(ctx)
	if err != nil {
		return CallReply{}, err
	}
	var hosts []HostID
	found := false
	for _, comp := range list.Components {
		if comp.Name != component {
			continue
		}
		found = true
		for _, h := range comp.Hosts {
			if h.Count > 0 && h.State == "running" {
				hosts = append(hosts, h.Host)
			}
		}
	}
	if !found {
		return CallReply{}, errcode.New(errcode.NotFound, "component %q does not exist", component).
			WithNext("lattice get components")
	}
	err = errcode.New(errcode.Unavailable, "component %q runs on no live host", component).
		WithNext("lattice get components")
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	for _, h := range hosts {
		var rep CallReply
		rep, err = Ask[CallRequest, CallReply](ctx, c.cfg.Bus, c.subjects.Host(h, HostOpCall),
			c.header(""), CallRequest{Component: component, Text: text})
		if err == nil || !IsRefused(err) {
			return rep, err
		}
	}
	return CallReply{}, err
}

func (c *Client) header(id RequestID) Header {
	h := Header{}
	if c.cfg.Cluster != "" {
		h[HeaderCluster] = string(c.cfg.Cluster)
	}
	if id != "" {
		h[HeaderRequest] = string(id)
	}
	return h
}

// ask sends a JSON request to the control member and repeats it while nobody
// received it.
func ask[Req, Rep any](ctx context.Context, c *Client, op string, req Req) (Rep, error) {
	var rep Rep
	data, err := json.Marshal(req)
	if err != nil {
		return rep, Refuse(errcode.New(errcode.Invalid, "encode request: %w", err))
	}
	m, err := requestPatiently(ctx, c, op, c.header(requestID(ctx)), data)
	if err != nil {
		return rep, err
	}
	if err := json.Unmarshal(m.Data, &rep); err != nil {
		return rep, errcode.New(errcode.Internal, "decode reply of %s: %w", op, err)
	}
	return rep, nil
}

// requestPatiently sends a request to the control member and repeats it while
// nobody received it, and beside the first while it is not answered: messages can
// be lost on the way there and back, without a word to either side.
func requestPatiently(ctx context.Context, c *Client, op string, h Header, data []byte) (*Message, error) {
	ctx, cancel := withDefaultTimeout(ctx)
	defer cancel()
	type answer struct {
		m   *Message
		err error
	}
	var sent sync.WaitGroup
	defer sent.Wait()
	defer cancel()
	answers := make(chan answer, 64) // room for all: each waits twice as long as the one before
	send := func() {
		sent.Go(func() {
			m, err := requestReceived(ctx, c, op, h, data)
			answers <- answer{m, err}
		})
	}
	send()
	wait := c.cfg.Repeat
	again := time.NewTimer(wait)
	defer again.Stop()
	for open := 1; ; {
		select {
		case a := <-answers:
			// What is not received now may have been before: that answer can come yet.
			if open--; a.err == nil || open == 0 || !IsRefused(a.err) && !IsReplyLost(a.err) {
				return a.m, a.err
			}
		case <-again.C:
			wait *= 2
			again.Reset(wait)
			open++
			send()
		}
	}
}

// requestReceived sends a request and repeats it while nobody received it.
func requestReceived(ctx context.Context, c *Client, op string, h Header, data []byte) (*Message, error) {
	patience := time.NewTimer(max(c.cfg.Patience, 0))
	defer patience.Stop()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		m, err := c.cfg.Bus.Request(ctx, c.subjects.Control(op), h, data)
		if err == nil || !errors.Is(err, ErrUnavailable) || !IsRefused(err) && !IsReplyLost(err) || c.cfg.Patience < 0 {
			return m, err
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
			continue
		case <-patience.C:
		case <-ctx.Done():
		}
		pause.Stop()
		return nil, errcode.New(ErrUnavailable, "no control member of lattice %q answers: %w", c.subjects, err).
			WithNext("start one with: lattice up")
	}
}

func withDefaultTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, DefaultRequestTimeout)
}
