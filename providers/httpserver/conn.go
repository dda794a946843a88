package httpserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// writePiece is how much one write deadline is for, so that a slow client
	// that goes on reading is told from one that stopped.
	writePiece = 256 << 10
	// A connection that is closed before its request was read is closed for
	// writing first, so that the client gets the answer and not a reset.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// preface is how a connection of HTTP/2 begins.
var preface = []byte("PRI * HTTP/2.0\r\n")

// peer is the other end of a connection.
type peer struct {
	addr netip.Addr
	text string // addr, without port
}

// conn is an accepted connection, before TLS. It bounds how long a write
// waits for the client, and keeps the head of the request being read.
type conn struct {
	net.Conn
	server *server
	peer   peer
	plain  bool        // what is read are requests, not TLS
	ended  atomic.Bool // nothing is read any more: the rest of a body is in the way

	mu         sync.Mutex
	closed     bool      // guarded by mu
	head       []byte    // guarded by mu: what was read since the last request
	keepHead   bool      // guarded by mu
	readUntil  time.Time // guarded by mu: the deadline that net/http set
	late       bool      // guarded by mu: the last read ran into readUntil
	active     bool      // guarded by mu: a request is being read or served
	begun      bool      // guarded by mu: without TLS, some of a request was read
	handled    bool      // guarded by mu: that request reached the handler
	fresh      bool      // guarded by mu: no request was read yet
	writeUntil deadline  // guarded by mu
	cut        bool      // guarded by mu: another deadline for writes was set
}

type connKey struct{}

// connOf returns the connection of a request.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// withConn is the server's ConnContext.
func withConn(ctx context.Context, nc net.Conn) context.Context {
	if c := underlying(nc); c != nil {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

func underlying(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*conn)
	return c
}

func newConn(nc net.Conn, s *server) *conn {
	c := &conn{Conn: nc, server: s, plain: s.cfg.tls == nil, fresh: true}
	c.keepHead = c.plain
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.peer.addr = a.AddrPort().Addr().Unmap()
		c.peer.text = c.peer.addr.WithZone("").String()
	}
	return c
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	if c.ended.Load() {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	c.late = err != nil && errors.Is(err, os.ErrDeadlineExceeded) && c.readUntil.Unix() > 1
	c.begun = c.begun || n > 0 && c.plain
	if n > 0 && c.keepHead {
		c.keepLocked(p[:n])
	}
	c.mu.Unlock()
	return n, err
}

func (c *conn) keepLocked(p []byte) {
	if len(c.head)+len(p) > c.server.cfg.maxHeaderBytes+8<<10 {
		c.head, c.keepHead = nil, false // net/http refuses it
		return
	}
	c.head = append(c.head, p...)
	if bytes.HasPrefix(c.head, preface) {
		c.head, c.plain, c.keepHead, c.begun = nil, false, false, false
	}
}

// SetReadDeadline implements [net.Conn].
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.readUntil = t
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

// Write implements [net.Conn]: each piece of it has the write timeout to go.
func (c *conn) Write(p []byte) (int, error) {
	done := 0
	for {
		piece := p[done:min(len(p), done+writePiece)]
		c.extend()
		n, err := c.Conn.Write(piece)
		done += n
		if err != nil {
			c.mu.Lock()
			if !c.cut && errors.Is(err, os.ErrDeadlineExceeded) {
				c.server.ln.counters.writeTimeouts.Add(1)
			}
			c.mu.Unlock()
			return done, err
		}
		if done == len(p) {
			return done, nil
		}
	}
}

// deadline is one that is put off again and again; setting it on a connection
// costs more than the reading of a clock.
type deadline struct{ at time.Time }

// put moves the deadline to d from now, and reports whether it did: one that
// was put shortly before stays.
func (x *deadline) put(d time.Duration) bool {
	now := time.Now()
	if x.at.Sub(now) >= d-d/8 {
		return false
	}
	x.at = now.Add(d)
	return true
}

// extend puts off the deadline of writes.
func (c *conn) extend() {
	c.mu.Lock()
	if !c.cut && c.writeUntil.put(c.server.cfg.writeTimeout) {
		_ = c.Conn.SetWriteDeadline(c.writeUntil.at) // fails on a closed connection, as the write will
	}
	c.mu.Unlock()
}

// SetWriteDeadline implements [net.Conn]. A deadline holds until it is taken
// back; then writes have the timeout again.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.IsZero() && !c.cut {
		return nil
	}
	c.cut, c.writeUntil = !t.IsZero(), deadline{}
	return c.Conn.SetWriteDeadline(t)
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.mu.Lock()
	first, malformed := !c.closed, c.malformedLocked()
	c.closed = true
	c.mu.Unlock()
	if first && (malformed || c.ended.Load()) && !c.server.ln.hard.Load() {
		c.linger()
	}
	err := c.Conn.Close()
	if first {
		c.server.gone()
	}
	return err
}

// malformedLocked reports whether a request began that no handler saw.
func (c *conn) malformedLocked() bool { return (c.active || c.begun) && !c.handled }

func (c *conn) linger() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok && tcp.CloseWrite() == nil {
		_ = tcp.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, tcp, lingerBytes)
	}
}

// begin notes that a request with or without a body reached the handler.
func (c *conn) begin(body bool) {
	c.mu.Lock()
	c.handled = true
	c.keepHead = c.plain && !body
	if !body {
		c.forgetLocked()
	}
	c.mu.Unlock()
}

// bodyRead notes that what is read from now on is another request.
func (c *conn) bodyRead() {
	c.mu.Lock()
	c.keepHead = c.plain
	c.forgetLocked()
	c.mu.Unlock()
}

func (c *conn) forgetLocked() {
	if cap(c.head) > 8<<10 {
		c.head = nil
	}
	c.head = c.head[:0]
}

// framing is what the head of a request said about its body's length.
type framing uint8

const (
	framingUnseen framing = iota // the head was not seen: TLS, or requests sent in advance
	framingOne
	framingBoth // a length beside chunks, which net/http drops silently
)

// framing looks for a length in the head of a request that has chunks.
func (c *conn) framing(r *http.Request) framing {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, rest, _ := bytes.Cut(c.head, []byte("\n"))
	if !c.plain || !strings.HasPrefix(string(first), r.Method+" "+r.RequestURI+" ") {
		return framingUnseen
	}
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(bytes.TrimRight(line, "\r")) == 0 {
			return framingOne
		}
		if name, _, _ := bytes.Cut(line, []byte(":")); strings.EqualFold(string(bytes.TrimSpace(name)), "content-length") {
			return framingBoth
		}
	}
	return framingUnseen
}

// timedOut is what a client gets that did not finish its header in time.
const timedOut = "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"deadline: the header of the request took longer than read_header_timeout\n"

// onState is the server's ConnState: it counts what net/http refuses itself,
// and answers whoever is too slow.
func onState(nc net.Conn, state http.ConnState) {
	c := underlying(nc)
	if c == nil {
		return
	}
	counters := &c.server.ln.counters
	c.mu.Lock()
	late := c.late && state == http.StateActive
	malformed := state == http.StateClosed && c.malformedLocked()
	wasFresh := c.fresh && state != http.StateNew
	c.fresh = c.fresh && !wasFresh
	c.active = state == http.StateActive
	if state == http.StateIdle {
		c.late, c.begun, c.handled = false, false, false
	}
	c.mu.Unlock()
	if wasFresh {
		c.server.ln.fresh.Add(-1)
	}
	if state == http.StateIdle && c.ended.Load() {
		_ = nc.Close() // what the server has read ahead is the rest of a body
		return
	}
	switch {
	case late:
		counters.headerTimeouts.Add(1)
		_, _ = io.WriteString(nc, timedOut) // a client that is gone misses it
	case malformed:
		counters.malformed.Add(1)
	}
}
