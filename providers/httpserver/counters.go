package httpserver

import (
	"sync/atomic"
	"time"
)

// counters count what happened on one address.
type counters struct {
	accepted, open, requests                  atomic.Int64
	received, sent, nanoseconds               atomic.Int64
	answers                                   [6]atomic.Int64 // by the first digit of the status; 0 for none
	malformed, largeHeaders                   atomic.Int64
	largeBodies, largeResponses, busy         atomic.Int64
	upgrades                                  atomic.Int64
	headerTimeouts, bodyTimeouts              atomic.Int64
	writeTimeouts, requestTimeouts, unmatched atomic.Int64
}

// ended counts a request that is over.
func (c *counters) ended(rec *recorder, took time.Duration) {
	c.answers[min(rec.status/100, 5)].Add(1)
	c.received.Add(rec.body.limit - rec.body.left)
	c.sent.Add(rec.bytes)
	c.nanoseconds.Add(int64(took))
}

// Counters are totals of one address since it is listened on.
type Counters struct {
	Address           string           `json:"address"`
	Ready             bool             `json:"ready"` // takes requests, and is not draining
	ConnectionsOpen   int64            `json:"connections_open"`
	ConnectionsTotal  int64            `json:"connections_total"`
	RequestsInFlight  int64            `json:"requests_in_flight"`
	RequestsTotal     int64            `json:"requests_total"`
	RequestBytes      int64            `json:"request_bytes"`       // of bodies, as far as they were read
	ResponseBytes     int64            `json:"response_bytes"`      // of bodies
	RequestSeconds    float64          `json:"request_seconds"`     // that all requests took together, from their head on
	ResponsesByStatus map[string]int64 `json:"responses_by_status"` // "2xx", "none" for an answer that was broken off
	// Refused counts what was refused or broken off, by reason.
	Refused map[string]int64 `json:"refused"`
}

var statusClasses = [6]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

func (ln *listener) totals() Counters {
	c := &ln.counters
	out := Counters{
		Address: ln.Addr(), Ready: !ln.draining.Load(), ConnectionsOpen: c.open.Load(), ConnectionsTotal: c.accepted.Load(),
		RequestsInFlight: ln.inFlight.Load(), RequestsTotal: c.requests.Load(),
		RequestBytes: c.received.Load(), ResponseBytes: c.sent.Load(), RequestSeconds: time.Duration(c.nanoseconds.Load()).Seconds(),
		ResponsesByStatus: map[string]int64{}, Refused: map[string]int64{},
	}
	for i, name := range statusClasses {
		out.ResponsesByStatus[name] = c.answers[i].Load()
	}
	for name, n := range map[string]*atomic.Int64{
		"malformed": &c.malformed, "headers": &c.largeHeaders, "request_body": &c.largeBodies, "response_body": &c.largeResponses,
		"in_flight": &c.busy, "upgrade": &c.upgrades, "no_route": &c.unmatched, "header_timeout": &c.headerTimeouts,
		"body_timeout": &c.bodyTimeouts, "write_timeout": &c.writeTimeouts, "request_timeout": &c.requestTimeouts,
	} {
		out.Refused[name] = n.Load()
	}
	return out
}
