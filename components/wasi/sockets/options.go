//go:build linux || darwin

package sockets

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// setInt sets an option; the guest's 0 is refused, what is above most becomes
// most.
func (k *sock) setInt(level, opt int, value uint64, most int) error {
	if value == 0 {
		return errInvalidArgument
	}
	return unix.SetsockoptInt(k.fd, level, opt, int(min(value, uint64(most))))
}

func (k *sock) getInt(level, opt int) (int, error) {
	return unix.GetsockoptInt(k.fd, level, opt)
}

// hopOption names the option of the time to live for the socket's family.
func (k *sock) hopOption() (level, opt int) {
	if k.family == ipv4 {
		return unix.IPPROTO_IP, unix.IP_TTL
	}
	return unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
}

func (k *sock) hopLimit() (uint8, error) {
	level, opt := k.hopOption()
	n, err := k.getInt(level, opt)
	return uint8(n), err
}

func (k *sock) setHopLimit(n uint8) error {
	level, opt := k.hopOption()
	return k.setInt(level, opt, uint64(n), math.MaxUint8)
}

// bufferSize reads a kernel buffer's size as a guest sees it.
func (k *sock) bufferSize(opt int) (uint64, error) {
	n, err := k.getInt(unix.SOL_SOCKET, opt)
	return uint64(n / bufferFactor), err
}

func (k *sock) setBufferSize(opt int, n uint64) error {
	return k.setInt(unix.SOL_SOCKET, opt, n, math.MaxInt32/2)
}

// Bounds of the keep-alive options that every system takes.
const (
	maxKeepAliveSeconds = 32767
	maxKeepAliveCount   = 127
)

// seconds reads an option that counts seconds.
func (k *sock) seconds(opt int) (uint64, error) {
	n, err := k.getInt(unix.IPPROTO_TCP, opt)
	return uint64(n) * uint64(time.Second), err
}

// setSeconds rounds a part of a second up.
func (k *sock) setSeconds(opt int, ns uint64) error {
	s := ns / uint64(time.Second)
	if ns%uint64(time.Second) != 0 {
		s++
	}
	return k.setInt(unix.IPPROTO_TCP, opt, s, maxKeepAliveSeconds)
}
