package kvredis

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"latticework/internal/errcode"
)

// classify gives err a code and says where and to what it happened. A write
// whose answer did not come may have taken effect, and then the message says
// so.
func (b *backend) classify(ctx context.Context, doing string, err error, write bool) error {
	if err == nil {
		return nil
	}
	var reply redis.Error
	if errors.As(err, &reply) && !errors.Is(err, redis.ErrPoolTimeout) {
		return b.refusal(doing, err)
	}
	unknown := ""
	if write && !neverSent(err) {
		unknown = "; whether it took effect is unknown"
	}
	if ended(ctx) {
		return errcode.New(errcode.Of(ctx.Err()), "%s redis at %s: %w%s", doing, b.addr, context.Cause(ctx), unknown)
	}
	var timeout net.Error
	switch {
	case errors.Is(err, redis.ErrClosed):
		return errcode.New(errcode.Closed, "%s redis at %s: the link was closed", doing, b.addr)
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return errcode.New(errcode.Exhausted, "%s redis at %s: all connections of the link are in use", doing, b.addr).
			WithNext("raise pool_size")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errcode.New(errcode.Deadline, "%s redis at %s: no answer in time: %w%s", doing, b.addr, err, unknown).
			WithNext("check that the server is alive, or raise timeout")
	}
	return errcode.New(errcode.Unavailable, "%s redis at %s: %w%s", doing, b.addr, err, unknown).
		WithNext("check the address and that the server runs")
}

// ended reports whether ctx is over. The connection has the same deadline and
// may notice it first: then ctx needs a moment.
func ended(ctx context.Context) bool {
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return ctx.Err() != nil
}

// refusal classes what the server itself answered, in its own words.
func (b *backend) refusal(doing string, err error) error {
	word, _, _ := strings.Cut(err.Error(), " ")
	code, next := errcode.Invalid, ""
	switch word {
	case "WRONGPASS", "NOAUTH":
		code, next = errcode.Denied, "check username and password of the link's settings"
	case "NOPERM":
		code, next = errcode.Denied, "give the Redis user the right to that command and these keys"
	case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY":
		code, next = errcode.Unavailable, "try again"
	case "READONLY":
		code, next = errcode.Unavailable, "link to the primary: this server is a replica"
	case "MOVED", "ASK":
		code, next = errcode.Unsupported, "use a server that is not part of a cluster"
	case "OOM":
		code, next = errcode.Exhausted, "raise the server's maxmemory"
	}
	e := errcode.New(code, "%s redis at %s: the server answered: %w", doing, b.addr, err)
	if next != "" {
		e = e.WithNext("%s", next)
	}
	return e
}

// neverSent reports that there was no connection to send anything on.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) || errors.Is(err, redis.ErrClosed)
}
