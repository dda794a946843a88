package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
)

var (
	binary   string // built once
	codeHome string // XDG_CACHE_HOME of all tests, so that guests are compiled once
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "latticework-cli-")
	if err != nil {
		panic(err)
	}
	binary, codeHome = filepath.Join(dir, "lattice"), filepath.Join(dir, "cache")
	code := 1
	if out, err := exec.Command("go", slices.Concat([]string{"build", "-o", binary}, raceFlags, []string{"."})...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build lattice: %v\n%s", err, out)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// home is a user of the command line: a state folder and what is in it.
type home struct {
	t   *testing.T
	dir string
}

func newHome(t *testing.T) *home { return &home{t: t, dir: t.TempDir()} }

func (h *home) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+h.dir, "XDG_CACHE_HOME="+codeHome,
		"LATTICE_NATS=", "LATTICE_NAME=", "LATTICE_DATA=")
	return cmd
}

// result is what a command answered.
type result struct {
	status         int
	stdout, stderr string
}

// run runs a command to its end.
func (h *home) run(args ...string) result { return h.runIn("", nil, args...) }

func (h *home) runIn(dir string, stdin io.Reader, args ...string) result {
	h.t.Helper()
	cmd := h.command(args...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = stdin, &out, &errOut, dir
	if err := cmd.Start(); err != nil {
		h.t.Fatalf("run %v: %v", args, err)
	}
	timer := time.AfterFunc(poll.Patience(time.Minute), func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		h.t.Fatalf("run %v: %v", args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// ok runs a command that has to succeed and returns its output.
func (h *home) ok(args ...string) string {
	h.t.Helper()
	r := h.run(args...)
	if r.status != 0 {
		h.t.Fatalf("lattice %s: status %d\n%s%s", strings.Join(args, " "), r.status, r.stdout, r.stderr)
	}
	return r.stdout
}

// json runs a command that has to succeed with -o json and decodes its output.
func (h *home) json(to any, args ...string) {
	h.t.Helper()
	out := h.ok(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), to); err != nil {
		h.t.Fatalf("lattice %s: %v in %q", strings.Join(args, " "), err, out)
	}
}

// refused wants a status and texts in the message and the next step, in both
// forms of output.
func (h *home) refused(code errcode.Code, texts []string, args ...string) {
	h.t.Helper()
	r := h.run(args...)
	what := "lattice " + strings.Join(args, " ")
	if r.status != code.ExitStatus() {
		h.t.Errorf("%s: status %d, want %d\n%s%s", what, r.status, code.ExitStatus(), r.stdout, r.stderr)
	}
	if !strings.HasPrefix(r.stderr, "lattice: ") {
		h.t.Errorf("%s: standard error is %q", what, r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stderr, text) {
			h.t.Errorf("%s: %q is not in %q", what, text, r.stderr)
		}
	}
	if strings.Contains(r.stderr, "\nnext: ") == false && len(texts) > 1 {
		h.t.Errorf("%s: no next step in %q", what, r.stderr)
	}
	r = h.run(append([]string{"-o", "json"}, args...)...)
	var out struct {
		Error struct{ Code, Message, Next string }
	}
	if err := json.Unmarshal([]byte(r.stderr), &out); err != nil || r.status != code.ExitStatus() || out.Error.Code != string(code) {
		h.t.Errorf("%s -o json: status %d, standard error %q (%v), want code %s", what, r.status, r.stderr, err, code)
	}
}

// event is a line of a host's output.
type event struct {
	Event string
	Application, Lattice,
	NATS, HTTP, Host, Cluster, Data string
	Addresses []string
	Unchanged bool
}

// process is a running host.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	events chan event // closed at the end of its output
	done   chan struct{}
	err    error // written before done is closed

	mu     sync.Mutex
	stderr bytes.Buffer // guarded by mu
}

// Write takes the process's standard error.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// start runs a host with -o json; it ends with the test.
func (h *home) start(args ...string) *process {
	h.t.Helper()
	p := &process{t: h.t, cmd: h.command(append(args, "-o", "json")...), events: make(chan event, 100), done: make(chan struct{})}
	p.cmd.Stderr = p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() { // ends with the process, for which the cleanup below waits
		defer close(p.done)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				e.Event = "no JSON: " + lines.Text()
			}
			p.events <- e
		}
		p.err = p.cmd.Wait()
		close(p.events)
	}()
	h.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if h.t.Failed() {
			h.t.Logf("log of lattice %s:\n%s", strings.Join(args, " "), p.log())
		}
	})
	return p
}

// await returns the next event of that name.
func (p *process) await(name string) event {
	p.t.Helper()
	timer := time.NewTimer(poll.Patience(time.Minute))
	defer timer.Stop()
	var seen []string
	for {
		select {
		case e, ok := <-p.events:
			if !ok {
				p.t.Fatalf("the process ended (%v) before event %q; it said %q\n%s", p.err, name, seen, p.log())
			}
			if e.Event == name {
				return e
			}
			seen = append(seen, e.Event)
		case <-timer.C:
			p.t.Fatalf("no event %q in time; it said %q", name, seen)
		}
	}
}

// stop interrupts the process and wants status 0.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if status := p.wait(); status != 0 {
		p.t.Errorf("status %d after SIGINT, want 0\n%s", status, p.log())
	}
}

func (p *process) kill() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	p.wait()
}

func (p *process) wait() int {
	p.t.Helper()
	timer := time.NewTimer(poll.Patience(time.Minute))
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		p.t.Fatal("the process does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// free are the flags of a host that takes whatever ports are free.
var free = []string{"--nats-listen", "127.0.0.1:0"}

// example returns the path of an example application.
func example(name string) string {
	return filepath.Join("..", "..", "examples", filepath.FromSlash(name))
}

// count asks the counter and returns what it says.
func count(t *testing.T, url string) int {
	t.Helper()
	var v struct{ Count int }
	if err := json.Unmarshal([]byte(get(t, url)), &v); err != nil {
		t.Fatal(err)
	}
	return v.Count
}

func get(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %q (%v)", url, res.Status, body, err)
	}
	return string(body)
}
