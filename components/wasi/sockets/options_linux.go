package sockets

import "golang.org/x/sys/unix"

const (
	keepIdle = unix.TCP_KEEPIDLE
	// bufferFactor is by how much the kernel multiplies a buffer's size for
	// its own needs.
	bufferFactor = 2
)
