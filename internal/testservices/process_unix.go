//go:build unix

package testservices

import "syscall"

// Signals that stop a command's execution and let it go on.
const (
	freeze = syscall.SIGSTOP
	thaw   = syscall.SIGCONT
)

// signal reaches the command; SIGKILL, freeze and thaw also what it started.
// One that has ended needs none.
func (p *process) signal(sig syscall.Signal) error {
	if p.ended() {
		return nil
	}
	switch sig {
	case syscall.SIGKILL, freeze, thaw:
		return syscall.Kill(-p.cmd.Process.Pid, sig) // its own group, see attributes
	}
	return p.cmd.Process.Signal(sig)
}

// credential returns nil for the present user.
func (o *owner) credential() *syscall.Credential {
	if o == nil {
		return nil
	}
	return &syscall.Credential{Uid: o.uid, Gid: o.gid}
}
