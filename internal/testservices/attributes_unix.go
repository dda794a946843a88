//go:build unix && !linux

package testservices

import "syscall"

// attributes: a process group of its own.
func (o *owner) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: o.credential(), Setpgid: true}
}
