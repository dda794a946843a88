package testservices

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"latticework/internal/poll"
)

const (
	startWithin = 60 * time.Second
	stopWithin  = 20 * time.Second
)

// Service is one server process that a test can stop, kill and freeze. A
// stopped server keeps its folder, address and data. Its methods are for the
// goroutine of the test.
type Service struct {
	// Addr is host and port; it stays the same over restarts.
	Addr string
	// Folder holds the server's data; it is removed with the test.
	Folder string

	t     testing.TB
	name  string
	args  func() []string // program and arguments
	owner *owner
	stop  syscall.Signal // ends the server in order
	probe func(ctx context.Context) error

	mu      sync.Mutex
	running *process // guarded by mu; nil when stopped
}

// port returns the port of Addr.
func (s *Service) port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// newService makes the folder and picks the port; nothing runs yet.
func newService(t testing.TB, name string, as *owner) *Service {
	t.Helper()
	folder, err := os.MkdirTemp("", "latticework-"+name+"-")
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	s := &Service{t: t, name: name, Folder: folder, owner: as, stop: syscall.SIGTERM}
	t.Cleanup(func() {
		s.end()
		if err := os.RemoveAll(folder); err != nil {
			t.Errorf("stop %s: %v", name, err)
		}
	})
	if err := as.give(folder); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	s.Addr = freeAddr(t)
	return s
}

// freeAddr returns an address of loopback that nobody listens on right now.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// open starts the server for the first time. The port was free a moment ago;
// if someone else took it meanwhile, another one is tried.
func (s *Service) open() {
	s.t.Helper()
	for attempt := 1; ; attempt++ {
		err := s.start()
		if err == nil {
			return
		}
		if attempt == 3 || !strings.Contains(s.Log(), "ddress already in use") {
			s.t.Fatalf("start %s: %v\n%s", s.name, err, s.Log())
		}
		s.Addr = freeAddr(s.t)
	}
}

// Start runs a stopped server again and returns when it answers queries. What
// a killed server left behind may still be on its way out: a start that meets
// it is tried again.
func (s *Service) Start() {
	s.t.Helper()
	for deadline := time.Now().Add(stopWithin); ; time.Sleep(longAfterlife) {
		before := s.logSize()
		err := s.start()
		if err == nil {
			return
		}
		if !strings.Contains(s.logFrom(before), "still in use") || time.Now().After(deadline) {
			s.t.Fatalf("start %s: %v\n%s", s.name, err, s.Log())
		}
	}
}

// longAfterlife is how long PostgreSQL's children take at most to see that
// their parent is gone, on an idle machine.
const longAfterlife = 50 * time.Millisecond

func (s *Service) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return fmt.Errorf("it runs already")
	}
	p, err := launch(s.command(s.args()))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	err = poll.Wait(ctx, s.name+" to answer", func() (any, bool) {
		if p.ended() {
			return p.err, true
		}
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err := s.probe(once)
		return err, err == nil
	})
	if err == nil && p.ended() {
		err = fmt.Errorf("it ended: %v", p.err)
	}
	if err != nil {
		_ = p.signal(syscall.SIGKILL)
		<-p.done
		return err
	}
	s.running = p
	return nil
}

// Stop ends the server in order and waits for it. The data stays.
func (s *Service) Stop() {
	s.t.Helper()
	if !s.finish(s.stop) {
		s.t.Fatalf("stop %s: still there after %s, killed\n%s", s.name, stopWithin, s.Log())
	}
}

// Kill ends the server without warning and waits for it.
func (s *Service) Kill() {
	s.t.Helper()
	s.finish(syscall.SIGKILL)
}

// Freeze stops the server's execution: connections stay and nobody answers.
func (s *Service) Freeze() { s.t.Helper(); s.tell(freeze) }

// Thaw ends [Service.Freeze].
func (s *Service) Thaw() { s.t.Helper(); s.tell(thaw) }

func (s *Service) tell(sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.t.Fatalf("send %v to %s: it does not run", sig, s.name)
	}
	if err := s.running.signal(sig); err != nil {
		s.t.Fatalf("send %v to %s: %v", sig, s.name, err)
	}
}

// finish reports whether the signal was enough.
func (s *Service) finish(sig syscall.Signal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.running
	if p == nil {
		return true
	}
	s.running = nil
	_ = p.signal(sig) // whether it ends is what counts
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		_ = p.signal(syscall.SIGKILL)
		<-p.done
		return false
	}
}

// end is the last stop: a frozen server is thawed, whatever happens it is
// gone afterwards.
func (s *Service) end() {
	s.mu.Lock()
	if s.running != nil {
		_ = s.running.signal(thaw) // it is ended next
	}
	s.mu.Unlock()
	if !s.finish(s.stop) {
		s.t.Errorf("stop %s: still there after %s, killed\n%s", s.name, stopWithin, s.Log())
	}
}

// Log returns the end of what the server wrote.
func (s *Service) Log() string { return s.logFrom(0) }

// logFrom returns what the server wrote after the first bytes, at most the
// last 4 KiB of it.
func (s *Service) logFrom(first int) string {
	const most = 4 << 10
	b, err := os.ReadFile(s.logFile())
	if err != nil {
		return "no log: " + err.Error()
	}
	return string(b[max(min(first, len(b)), len(b)-most):])
}

// logSize returns how many bytes the server wrote so far.
func (s *Service) logSize() int {
	info, err := os.Stat(s.logFile())
	if err != nil {
		return 0
	}
	return int(info.Size())
}

func (s *Service) logFile() string { return filepath.Join(s.Folder, "log") }

// command makes a command that runs as the owner, in the folder, with its
// output appended to the log.
func (s *Service) command(args []string) (*exec.Cmd, error) {
	out, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.Folder
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + s.Folder, "TMPDIR=" + s.Folder}
	cmd.SysProcAttr = s.owner.attributes()
	return cmd, nil
}

// prepare runs a program to its end before the server starts.
func (s *Service) prepare(args ...string) {
	s.t.Helper()
	p, err := launch(s.command(args))
	if err != nil {
		s.t.Fatalf("prepare %s: %v", s.name, err)
	}
	<-p.done
	if p.err != nil {
		s.t.Fatalf("prepare %s: %s: %v\n%s", s.name, filepath.Base(args[0]), p.err, s.Log())
	}
}

// program finds an executable by its names and in the folders where
// distributions hide them. Without it the test is skipped, or fails in CI.
func program(t testing.TB, pkg string, names []string, folders ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, pattern := range folders {
			found, _ := filepath.Glob(filepath.Join(pattern, name))
			if len(found) > 0 {
				return newest(found)
			}
		}
	}
	msg := fmt.Sprintf("%s is not installed: apt-get install %s", names[0], pkg)
	if os.Getenv("CI") == "true" {
		t.Fatal(msg)
	}
	t.Skip("SKIPPED: " + msg)
	return ""
}

// newest returns the path with the highest version number in it.
func newest(paths []string) string {
	best, bestVersion := paths[0], -1.0
	for _, p := range paths {
		for _, part := range strings.Split(p, "/") {
			if v, err := strconv.ParseFloat(part, 64); err == nil && v > bestVersion {
				best, bestVersion = p, v
			}
		}
	}
	return best
}
