package testservices

import "syscall"

// attributes: a process group of its own, killed with its starter.
func (o *owner) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: o.credential(), Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
