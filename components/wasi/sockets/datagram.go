//go:build linux || darwin

package sockets

import (
	"bytes"
	"context"
	"net/netip"

	"golang.org/x/sys/unix"

	"latticework/components/wasi/bindings/wasiio"
	api "latticework/components/wasi/bindings/wasisockets"
	"latticework/components/wasi/streams"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// maxDatagrams is how many datagrams one call receives or sends: at most 1 MiB
// in all.
const maxDatagrams = 16

// datagrams is one direction of a UDP socket.
type datagrams struct {
	u       *udpSocket
	round   int
	dropped bool
}

// alive refuses what is done to a pair of streams that a newer one replaced.
func (d *datagrams) alive() error {
	if d.dropped || d.round != d.u.round {
		return errInvalidState
	}
	return nil
}

// Watch implements [streams.Source].
func (d *datagrams) Watch(w *streams.Waiter) { d.u.watchers.Watch(w) }

// Unwatch implements [streams.Source].
func (d *datagrams) Unwatch(w *streams.Waiter) { d.u.watchers.Unwatch(w) }

// Drop implements wasi:sockets.
func (d *datagrams) Drop(context.Context) {
	if d.dropped {
		return
	}
	d.dropped = true
	d.u.release()
}

// incoming is an incoming-datagram-stream.
type incoming struct{ datagrams }

var _ api.IncomingDatagramStream = (*incoming)(nil)

// Receive implements wasi:sockets: at most [maxDatagrams]. Datagrams from peers
// that no rule allows are discarded, unless a rule lets the socket serve.
func (in *incoming) Receive(_ context.Context, most uint64) ([]api.IncomingDatagram, error) {
	if err := in.alive(); err != nil {
		return nil, result(err)
	}
	buf := streams.GetBuffer()
	defer streams.PutBuffer(buf)
	var list []api.IncomingDatagram
	for range maxDatagrams {
		if uint64(len(list)) >= most {
			break
		}
		n, from, err := receiveDatagram(in.u.fd, buf[:])
		switch {
		case err == unix.EAGAIN || err != nil && len(list) > 0:
			return list, nil
		case err != nil:
			return nil, result(err)
		case !in.u.hears(from):
			continue
		}
		list = append(list, api.IncomingDatagram{Data: bytes.Clone(buf[:n]), RemoteAddress: toEndpoint(from)})
	}
	return list, nil
}

// Ready implements [streams.Source].
func (in *incoming) Ready() bool { return in.alive() != nil || in.u.ready(toRead) }

// Subscribe implements wasi:sockets.
func (in *incoming) Subscribe(context.Context) (wasiio.Pollable, error) {
	return streams.NewPollable(in), nil
}

// outgoing is an outgoing-datagram-stream.
type outgoing struct {
	datagrams
	permit int // what check-send allowed and send has not used
}

var _ api.OutgoingDatagramStream = (*outgoing)(nil)

// CheckSend implements wasi:sockets.
func (out *outgoing) CheckSend(context.Context) (uint64, error) {
	if err := out.alive(); err != nil {
		return 0, result(err)
	}
	out.permit = 0
	if out.u.ready(toWrite) {
		out.permit = maxDatagrams
	}
	return uint64(out.permit), nil
}

// Send implements wasi:sockets.
//
// Errors: trap if there are more datagrams than CheckSend allowed.
func (out *outgoing) Send(_ context.Context, list []api.OutgoingDatagram) (uint64, error) {
	if err := out.alive(); err != nil {
		return 0, result(err)
	}
	if len(list) > out.permit {
		return 0, errcode.New(errcode.Trap, "send: datagrams: %d > %d allowed", len(list), out.permit)
	}
	for i, d := range list {
		err := out.sendOne(d)
		switch {
		case err == nil:
			out.permit--
		case i > 0 || err == unix.EAGAIN:
			return uint64(i), nil
		default:
			return 0, result(err)
		}
	}
	return uint64(len(list)), nil
}

func (out *outgoing) sendOne(d api.OutgoingDatagram) error {
	remote := abi.None[netip.AddrPort]()
	if d.RemoteAddress.Some {
		remote = abi.Some(endpointOf(d.RemoteAddress.Value))
	}
	to, err := out.u.destination(remote)
	if err != nil {
		return err
	}
	return sendDatagram(out.u.fd, d.Data, to)
}

// Ready implements [streams.Source].
func (out *outgoing) Ready() bool { return out.alive() != nil || out.u.ready(toWrite) }

// Subscribe implements wasi:sockets.
func (out *outgoing) Subscribe(context.Context) (wasiio.Pollable, error) {
	return streams.NewPollable(out), nil
}
