//go:build !unix

package testservices

import (
	"errors"
	"syscall"
)

// Not signals of the system, which has none that do this.
const (
	freeze = syscall.Signal(-1)
	thaw   = syscall.Signal(-2)
)

// signal ends the command, whichever signal it is, since the system has no other;
// it refuses freeze and thaw.
func (p *process) signal(sig syscall.Signal) error {
	switch {
	case p.ended():
		return nil
	case sig == freeze, sig == thaw:
		return errors.ErrUnsupported
	}
	return p.cmd.Process.Kill()
}

// attributes are the system's own: nobody is a user to run as.
func (o *owner) attributes() *syscall.SysProcAttr { return nil }
