package httpserver

import (
	"context"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"latticework/internal/errcode"
	"latticework/providers"
)

// routeConfig is what a link says about its requests.
type routeConfig struct {
	link           providers.Link
	target         http.Handler
	path           string
	host           string // in lower case, "" for any; *.example.com for those below
	maxBody        int64
	maxResponse    int64
	requestTimeout time.Duration
	bodyTimeout    time.Duration
	readOnly       bool
	cacheControl   string // "" for none
	cors           *cors  // nil for none

	routingMode string
}

// route is one link at one revision.
type route struct {
	routeConfig
	ctx    context.Context // ends when requests that are left are cut off
	cancel context.CancelCauseFunc
	late   error // why a request's context ends after requestTimeout

	state atomic.Int64 // requests in flight, plus math.MinInt64 once closed
	once  sync.Once    // closes empty
	empty chan struct{}
}

func newRoute(c routeConfig) *route {
	r := &route{routeConfig: c, empty: make(chan struct{})}
	r.late = errcode.New(errcode.Deadline, "serve request: it took longer than %s", c.requestTimeout)
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	return r
}

// enter reports whether the route takes a request; if so, leave ends it.
func (r *route) enter() bool {
	if r.state.Add(1) > 0 {
		return true
	}
	r.leave()
	return false
}

func (r *route) leave() {
	if r.state.Add(-1) == math.MinInt64 {
		r.once.Do(func() { close(r.empty) })
	}
}

// shut takes no more requests.
func (r *route) shut() {
	if r.state.Add(math.MinInt64) == math.MinInt64 {
		r.once.Do(func() { close(r.empty) })
	}
}
