// Package natsbus carries a lattice's messages over NATS, and embeds a NATS
// server.
package natsbus

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/oklog/ulid/v2"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/lattice/internal/dispatch"
)

// Config configures a connection.
type Config struct {
	// URLs are NATS addresses such as "nats://127.0.0.1:4222". Unused with Server.
	URLs []string
	// Server connects in process to an embedded server.
	Server *Server
	// Name appears in the server's list of connections.
	Name string
	// Logger hears of lost and renewed connections; nil: nobody does.
	Logger *slog.Logger
}

// Validate reports what is wrong with the configuration.
func (c Config) Validate() error {
	if c.Server == nil && len(c.URLs) == 0 {
		return errcode.New(errcode.Invalid, "connect to NATS: no address")
	}
	return nil
}

const (
	connectTimeout  = 3 * time.Second
	reconnectWait   = 100 * time.Millisecond
	reconnectJitter = 100 * time.Millisecond
	pingInterval    = 2 * time.Second
	pingsOut        = 2
	// writeTimeout is how long a server may take nothing of what is sent before
	// the connection counts as lost: until then requests wait, whatever time they
	// have.
	writeTimeout    = pingInterval * pingsOut
	pendingMessages = 65536
	pendingBytes    = 64 << 20
)

// Bus is a lattice.Bus over one NATS connection.
type Bus struct {
	nc  *nats.Conn
	log *slog.Logger

	mu     sync.Mutex
	subs   map[*subscription]struct{} // guarded by mu
	closed bool                       // guarded by mu
}

var _ lattice.Bus = (*Bus)(nil)

// Connect connects to NATS. A connection that is lost later is renewed for
// ever; meanwhile nothing is kept for sending: requests fail at once.
//
// Errors:
//   - errcode.Invalid for a bad configuration.
//   - errcode.Unavailable if no server answers.
//   - errcode.Denied if the server refuses the connection.
func Connect(ctx context.Context, cfg Config) (*Bus, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b := &Bus{log: cfg.Logger, subs: map[*subscription]struct{}{}}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	timeout := connectTimeout
	if d, ok := ctx.Deadline(); ok {
		timeout = max(min(timeout, time.Until(d)), time.Millisecond)
	}
	options := []nats.Option{
		nats.Name(cfg.Name), nats.Timeout(timeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ReconnectBufSize(-1), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(pingsOut), nats.FlusherTimeout(writeTimeout),
		nats.CustomInboxPrefix("_INBOX.lw" + ulid.Make().String()), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(b.onError), nats.ReconnectHandler(b.onReconnect), nats.DisconnectErrHandler(b.onDisconnect),
	}
	url := strings.Join(cfg.URLs, ",")
	if cfg.Server != nil {
		options = append(options, nats.InProcessServer(cfg.Server.srv))
		url = cfg.Server.URL()
	}
	nc, err := nats.Connect(url, options...)
	if err != nil {
		return nil, connectError(url, err)
	}
	b.nc = nc
	return b, nil
}

func connectError(url string, err error) error {
	code, next := errcode.Unavailable, "check the address, and that a lattice runs there: lattice up"
	if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
		code, next = errcode.Denied, "check the credentials for this server"
	}
	return errcode.New(code, "connect to NATS at %s: %w", url, err).WithNext("%s", next)
}

// Request sends one message and waits for one reply, see lattice.Bus.
func (b *Bus) Request(ctx context.Context, subject string, h lattice.Header, data []byte) (*lattice.Message, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lattice.DefaultRequestTimeout)
		defer cancel()
	}
	msg := &nats.Msg{Subject: subject, Data: data, Header: toNATS(h, dispatch.Timeout(ctx))}
	closed := b.nc.IsClosed() // else it is closed while we wait, if it is
	rep, err := b.nc.RequestMsgWithContext(ctx, msg)
	switch {
	case err == nil:
	case errors.Is(err, nats.ErrDisconnected): // what is not sent for it has another error
		return nil, dispatch.ReplyLost(errcode.Unavailable, subject)
	case errors.Is(err, nats.ErrConnectionClosed) && !closed:
		return nil, dispatch.ReplyLost(errcode.Closed, subject)
	default:
		return nil, b.sendError(ctx, subject, len(data), err)
	}
	m := &lattice.Message{Subject: subject, Header: fromNATS(rep.Header), Data: rep.Data}
	if m.Header[lattice.HeaderError] != "" {
		return nil, lattice.DecodeError(rep.Data)
	}
	return m, nil
}

// Publish sends one message to all subscribers, see lattice.Bus.
func (b *Bus) Publish(subject string, h lattice.Header, data []byte) error {
	err := b.nc.PublishMsg(&nats.Msg{Subject: subject, Data: data, Header: toNATS(h, "")})
	if err != nil {
		return b.sendError(context.Background(), subject, len(data), err)
	}
	return nil
}

// sendError gives an error of the NATS client a code.
func (b *Bus) sendError(ctx context.Context, subject string, size int, err error) error {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return dispatch.NoResponder(subject)
	case errors.Is(err, nats.ErrMaxPayload):
		return dispatch.TooLarge(subject, size, b.MaxPayload())
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		return dispatch.Closed(subject)
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionReconnecting), errors.Is(err, nats.ErrDisconnected):
		return lattice.Refuse(errcode.New(errcode.Unavailable, "send on %s: not connected to NATS", subject).
			WithNext("check that the NATS server runs; the connection is renewed by itself"))
	case ctx.Err() != nil:
		return dispatch.Ended(ctx, subject)
	case errors.Is(err, nats.ErrTimeout):
		return errcode.New(errcode.Deadline, "request on %s: no reply: %w", subject, err)
	case errors.Is(err, nats.ErrBadSubject):
		return lattice.Refuse(errcode.New(errcode.Invalid, "send on %q: %w", subject, err))
	}
	return errcode.New(errcode.Unavailable, "send on %s: %w", subject, err)
}

// Subscribe calls h for each message on subject, see lattice.Bus.
func (b *Bus) Subscribe(subject string, o lattice.SubscribeOptions, h lattice.Handler) (lattice.Subscription, error) {
	s := &subscription{bus: b, d: dispatch.New(subject, o, h), closing: make(chan struct{})}
	if err := b.subscribe(s, subject); err != nil {
		_ = s.d.Close()
		return nil, err
	}
	// The server has the subscription when it has answered.
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	if err := b.Flush(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (b *Bus) subscribe(s *subscription, subject string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return dispatch.Closed(subject)
	}
	ns, err := b.nc.Subscribe(subject, s.receive)
	if err != nil {
		return b.sendError(context.Background(), subject, 0, err)
	}
	s.ns = ns
	b.subs[s] = struct{}{}
	if err := ns.SetPendingLimits(pendingMessages, pendingBytes); err != nil {
		return errcode.New(errcode.Internal, "subscribe %s: %w", subject, err)
	}
	return nil
}

// Flush waits until the server has seen everything sent before.
func (b *Bus) Flush(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lattice.DefaultRequestTimeout)
		defer cancel()
	}
	if err := b.nc.FlushWithContext(ctx); err != nil {
		return b.sendError(ctx, "flush", 0, err)
	}
	return nil
}

// MaxPayload is the server's limit for one message.
func (b *Bus) MaxPayload() int { return int(b.nc.MaxPayload()) }

// Connected reports whether there is a connection now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// Close ends all subscriptions, waits for their handlers, lets their replies
// out, and closes the connection. It is idempotent.
func (b *Bus) Close() error {
	b.mu.Lock()
	b.closed = true
	subs := make([]*subscription, 0, len(b.subs))
	for s := range b.subs {
		subs = append(subs, s)
	}
	b.mu.Unlock()
	for _, s := range subs {
		_ = s.Close()
	}
	if b.nc.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_ = b.nc.FlushWithContext(ctx) // a server that is gone has no use for replies
		cancel()
	}
	b.nc.Close()
	return nil
}

func (b *Bus) onError(_ *nats.Conn, ns *nats.Subscription, err error) {
	b.log.Warn("nats", "error", err)
	if ns == nil || !errors.Is(err, nats.ErrSlowConsumer) {
		return
	}
	for _, s := range b.subscriptions() {
		if s.ns == ns {
			s.d.Lost()
		}
	}
}

func (b *Bus) onDisconnect(nc *nats.Conn, err error) {
	if !nc.IsClosed() {
		b.log.Warn("nats connection lost", "error", err)
	}
}

func (b *Bus) onReconnect(nc *nats.Conn) {
	b.log.Info("nats connection renewed", "url", nc.ConnectedUrlRedacted())
	for _, s := range b.subscriptions() {
		s.d.Lost()
	}
}

func (b *Bus) subscriptions() []*subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*subscription, 0, len(b.subs))
	for s := range b.subs {
		out = append(out, s)
	}
	return out
}

// subscription is a running subscription.
type subscription struct {
	bus     *Bus
	ns      *nats.Subscription
	d       *dispatch.Subscription
	once    sync.Once
	closing chan struct{} // closed by Close
}

func (s *subscription) receive(m *nats.Msg) {
	in := &lattice.Message{Subject: m.Subject, Header: fromNATS(m.Header), Data: m.Data}
	if m.Reply == "" {
		s.d.Deliver(in, nil)
		return
	}
	s.d.Deliver(in, func(h lattice.Header, data []byte) {
		err := s.reply(in, &nats.Msg{Subject: m.Reply, Header: toNATS(h, ""), Data: data})
		if errors.Is(err, nats.ErrMaxPayload) {
			err = dispatch.TooLarge(m.Subject, len(data), s.bus.MaxPayload())
			err = errcode.New(errcode.Exhausted, "reply: %w", err)
			err = s.reply(in, &nats.Msg{Subject: m.Reply, Header: toNATS(dispatch.ErrorHeader(err), ""), Data: lattice.EncodeError(err)})
		}
		if err != nil {
			s.bus.log.Warn("nats reply not sent", "subject", m.Subject, "error", err)
		}
	})
}

// reply sends a reply to in. If there is no connection it waits for one, as long
// as somebody may wait for the reply: who asked may have kept theirs.
func (s *subscription) reply(in *lattice.Message, m *nats.Msg) error {
	var deadline time.Time
	for {
		err := s.bus.nc.PublishMsg(m)
		if !errors.Is(err, nats.ErrReconnectBufExceeded) && !errors.Is(err, nats.ErrConnectionReconnecting) {
			return err
		}
		if deadline.IsZero() {
			deadline = dispatch.Deadline(in.Header)
		}
		pause := time.NewTimer(min(reconnectWait, time.Until(deadline)))
		select {
		case <-pause.C:
		case <-s.closing:
			pause.Stop()
			return err
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// Close stops deliveries and waits for running handlers.
func (s *subscription) Close() error {
	s.bus.mu.Lock()
	delete(s.bus.subs, s)
	s.bus.mu.Unlock()
	s.once.Do(func() { close(s.closing) })
	if s.ns != nil {
		_ = s.ns.Unsubscribe() // fails only on a closed connection
	}
	return s.d.Close()
}

// toNATS converts headers; a timeout is added unless "".
func toNATS(h lattice.Header, timeout string) nats.Header {
	n := len(h)
	if timeout != "" {
		n++
	}
	if n == 0 {
		return nil
	}
	out := make(nats.Header, n)
	values := make([]string, 0, n) // one allocation for all values
	for k, v := range h {
		values = append(values, v)
		out[k] = values[len(values)-1 : len(values) : len(values)]
	}
	if timeout != "" {
		values = append(values, timeout)
		out[lattice.HeaderTimeout] = values[len(values)-1 : len(values) : len(values)]
	}
	return out
}

func fromNATS(h nats.Header) lattice.Header {
	if len(h) == 0 {
		return nil
	}
	out := make(lattice.Header, len(h))
	for k, v := range h {
		if len(v) > 0 {
			out[k] = v[0]
		}
	}
	return out
}
