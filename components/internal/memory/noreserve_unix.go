//go:build unix && !freebsd

package memory

import "golang.org/x/sys/unix"

// noReserve has the system set no swap space aside for pages that nobody wrote.
const noReserve = unix.MAP_NORESERVE
