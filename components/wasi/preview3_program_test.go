package wasi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/components/wasi/sockets"
	"latticework/internal/poll"
	"latticework/wit/value"
)

// programTimeout bounds one program with all its operations.
var programTimeout = poll.Patience(20 * time.Second)

// program is one program of the WASI 0.3 suite while operations are done to
// it. A command runs on a goroutine of its own; a service has a server, and a
// fresh instance for each request.
type program struct {
	component *components.Component
	name      string // with .wasm
	folder    string // of the suite
	scratch   string // for folders that are granted
	spec      *programSpec
	ctx       context.Context //nolint:containedctx // of one test

	stdin   *io.PipeWriter
	stdout  *capture
	stderr  *capture
	conns   map[string]net.Conn
	server  *httptest.Server // nil for a command
	service *http3Service    // of server
	cleanup []func()

	command sync.WaitGroup
	end     run // how the command ended; set when command is done
}

// runPreview3 does all operations of a specification, and says what was wrong,
// "" if nothing was.
func runPreview3(t *testing.T, e *components.Engine, path string) (problem string) {
	spec, err := readProgramSpec(strings.TrimSuffix(path, ".wasm") + ".json")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	p, err := newProgram(ctx, t, e, path, &spec)
	if err != nil {
		return err.Error()
	}
	defer p.close(cancel)
	for i, op := range spec.Operations {
		if err := p.do(op); err != nil {
			return fmt.Sprintf("operation %d, %s: %v%s", i+1, op.Type, err, p.outputs())
		}
	}
	return ""
}

// newProgram compiles the program at path; nothing runs yet.
func newProgram(ctx context.Context, t *testing.T, e *components.Engine, path string, spec *programSpec) (*program, error) {
	c, err := compileWith(ctx, e, path)
	return &program{
		component: c, name: filepath.Base(path), folder: filepath.Dir(path), scratch: t.TempDir(),
		spec: spec, ctx: ctx, conns: map[string]net.Conn{},
	}, err
}

func compileWith(ctx context.Context, e *components.Engine, path string) (*components.Component, error) {
	code, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return e.Compile(ctx, code)
}

// do does one operation.
func (p *program) do(op operation) error {
	if op.Type == "run" {
		return p.run(op)
	}
	if p.stdout == nil {
		return errors.New("nothing runs yet")
	}
	switch op.Type {
	case "wait":
		return p.wait(op.ExitCode)
	case "read":
		return p.read(op)
	case "write":
		return p.write(op)
	case "connect":
		return p.connect(op)
	case "send", "recv":
		return p.exchange(op)
	case "request":
		return p.request(op)
	case "kill":
		return p.kill()
	}
	return errors.New("the operation is unknown")
}

// everyAddress allows all of the network.
var everyAddress = sockets.Policy{Rules: []sockets.Rule{
	{Prefix: netip.MustParsePrefix("0.0.0.0/0")},
	{Prefix: netip.MustParsePrefix("::/0")},
	{Host: "*", Listen: true},
}}

// run starts the program.
func (p *program) run(op operation) error {
	servers, stop, err := startEndpoints(p.spec.Servers)
	if err != nil {
		return err
	}
	p.cleanup = append(p.cleanup, stop)
	cfg := wasi.Config{Args: append([]string{p.name}, op.Args...)}
	for _, vars := range []map[string]string{op.Env, servers} {
		for k, v := range vars {
			cfg.Env = append(cfg.Env, wasi.EnvVar{Name: k, Value: v})
		}
	}
	if op.Root != "" {
		if err := copyWritable(p.scratch, filepath.Join(p.folder, op.Root)); err != nil {
			return err
		}
		cfg.Preopens = []wasi.Preopen{{HostDir: p.scratch, GuestPath: "/"}}
	}
	if p.spec.proposes("sockets") || strings.HasPrefix(p.name, "sockets-") { // two of these say nothing
		cfg.Network = everyAddress
	}
	var stdin *io.PipeReader
	stdin, p.stdin = io.Pipe()
	p.stdout, p.stderr = newCapture(), newCapture()
	cfg.Stdin, cfg.Stdout, cfg.Stderr = stdin, p.stdout, p.stderr
	s, err := wasi.Open(cfg)
	if err != nil {
		return err
	}
	p.cleanup = append(p.cleanup, func() { _ = s.Close() })
	tmpl, err := p.component.Link(components.LinkConfig{Interfaces: append(s.Interfaces(), p.http3Interfaces()...)})
	if err != nil {
		return err
	}
	if p.spec.World == service {
		if p.service, err = newHTTP3Service(tmpl); err != nil {
			return err
		}
		p.server = httptest.NewServer(p.service)
		return nil
	}
	p.command.Go(func() {
		p.end = runPreview3Command(p.ctx, tmpl)
		_ = stdin.CloseWithError(io.ErrClosedPipe)
		p.stdout.close()
		p.stderr.close()
	})
	return nil
}

// runPreview3Command runs a command in a fresh instance.
func runPreview3Command(ctx context.Context, tmpl *components.Template) (r run) {
	in, err := tmpl.Acquire(ctx)
	if err != nil {
		r.err = err
		return r
	}
	defer in.Release(ctx)
	v, err := in.Call(ctx, "wasi:cli/run@0.3.0", "run")
	var exit *wasi.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = int(exit.Code)
	case err != nil:
		r.err = err
	case v.(value.Result).IsErr:
		r.code = 1
	}
	return r
}

// wait ends the standard input and waits for the program's end.
func (p *program) wait(code int) error {
	_ = p.stdin.Close()
	p.command.Wait()
	if p.end.err != nil || p.end.code != code {
		return fmt.Errorf("exit code %d, want %d; error %w", p.end.code, code, p.end.err)
	}
	return nil
}

func (p *program) read(op operation) error {
	out := p.stdout
	switch op.ID {
	case "", "stdout":
	case "stderr":
		out = p.stderr
	default:
		return fmt.Errorf("there is no output %q", op.ID)
	}
	got, err := out.next(p.ctx, len(op.Payload))
	if err != nil || got != op.Payload {
		return fmt.Errorf("%s %q, want %q; %w", op.ID, got, op.Payload, err)
	}
	return nil
}

func (p *program) write(op operation) error {
	if op.ID != "stdin" {
		return fmt.Errorf("there is no input %q", op.ID)
	}
	stop := context.AfterFunc(p.ctx, func() { _ = p.stdin.CloseWithError(p.ctx.Err()) })
	defer stop()
	_, err := io.WriteString(p.stdin, op.Payload)
	return err
}

// connect connects to the address that the program prints.
func (p *program) connect(op operation) error {
	if op.Protocol != "" && op.Protocol != "tcp" {
		return fmt.Errorf("unknown protocol %q", op.Protocol)
	}
	var line strings.Builder
	for !strings.HasSuffix(line.String(), "\n") {
		c, err := p.stdout.next(p.ctx, 1)
		if err != nil {
			return fmt.Errorf("address %q: %w", line.String(), err)
		}
		line.WriteString(c)
	}
	var d net.Dialer
	c, err := d.DialContext(p.ctx, "tcp", strings.TrimSpace(line.String()))
	if err != nil {
		return err
	}
	p.conns[op.ID] = c
	p.cleanup = append(p.cleanup, func() { _ = c.Close() })
	deadline, _ := p.ctx.Deadline()
	return c.SetDeadline(deadline)
}

// exchange sends to the program, or receives from it.
func (p *program) exchange(op operation) error {
	c := p.conns[op.ID]
	if c == nil {
		return fmt.Errorf("there is no connection %q", op.ID)
	}
	if op.Type == "send" {
		_, err := io.WriteString(c, op.Payload)
		return err
	}
	got := make([]byte, len(op.Payload))
	n, err := io.ReadFull(bufio.NewReader(c), got)
	if err != nil || string(got) != op.Payload {
		return fmt.Errorf("%q, want %q; %w", got[:n], op.Payload, err)
	}
	return nil
}

func (p *program) request(op operation) error {
	if p.server == nil {
		return errors.New("the program is no service")
	}
	r, err := http.NewRequestWithContext(p.ctx, op.Method, p.server.URL+op.Path, strings.NewReader(op.Body))
	if err != nil {
		return err
	}
	for name, v := range op.Headers {
		r.Header.Set(name, v)
	}
	resp, err := p.server.Client().Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return op.Response.check(resp)
}

// kill ends a service, which waits for what it is answering.
func (p *program) kill() error {
	if p.server == nil {
		return errors.New("the program is no service")
	}
	p.server.Close()
	return p.service.failure()
}

// close ends the program, whatever it does, and everything beside it.
func (p *program) close(cancel func()) {
	cancel()
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
	if p.server != nil {
		p.server.CloseClientConnections()
		p.server.Close()
		p.service.work.Wait()
	}
	p.command.Wait()
	for i := len(p.cleanup) - 1; i >= 0; i-- {
		p.cleanup[i]()
	}
}

// outputs is what the program wrote and nobody read, for a message.
func (p *program) outputs() string {
	if p.stdout == nil {
		return ""
	}
	return fmt.Sprintf("\nstdout %q\nstderr %q", p.stdout.rest(), p.stderr.rest())
}
