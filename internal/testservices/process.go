package testservices

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
)

// process is a started command. The goroutine that waits for it ends with it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; valid once done is closed
}

// launch starts cmd. Its thread stays until the command ends: on Linux the
// command is killed with the thread that started it, so that no server
// outlives a test process that is killed.
func launch(cmd *exec.Cmd, err error) (*process, error) {
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if out, ok := cmd.Stdout.(io.Closer); ok {
			out.Close()
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// owner is the user that a server runs as; nil is the present one.
type owner struct {
	name     string
	uid, gid uint32
}

// unprivileged returns the first of the named users that exists, for when the
// test runs as root; otherwise nil.
func unprivileged(names ...string) (*owner, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range append(names, "nobody") {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &owner{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("no user to run as instead of root: tried %q and nobody", names)
}

// give hands a new folder to the owner and checks that it can get there.
func (o *owner) give(folder string) error {
	if o == nil {
		return nil
	}
	for dir := filepath.Dir(folder); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("user %s cannot enter %s (mode %04o): set TMPDIR to a folder that others may enter",
				o.name, dir, info.Mode().Perm())
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return os.Chown(folder, int(o.uid), int(o.gid))
}
