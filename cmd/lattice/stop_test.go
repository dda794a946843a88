package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
)

// halfRequest sends the head and half the body of a request that the guest
// echoes, so that it is under way until the rest comes.
func halfRequest(t *testing.T, url string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	// 100-continue says that the guest began to read.
	if _, err := fmt.Fprintf(c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("answer %q, %v", line, err)
	}
	if _, err := io.WriteString(c, "01234"); err != nil {
		t.Fatal(err)
	}
	return c
}

func upHello(h *home) (*process, event) {
	p := h.start(append([]string{"up", example("hello-rust"), "--http-listen", "127.0.0.1:0"}, free...)...)
	return p, p.await("ready")
}

// TestAcceptedRequestsAreFinished stops a host while a request is under way.
func TestAcceptedRequestsAreFinished(t *testing.T) {
	p, ready := upHello(newHome(t))
	c := halfRequest(t, ready.HTTP)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await("stopping")
	err := poll.Wait(t.Context(), "new requests to be refused", func() (any, bool) {
		res, err := http.Get(ready.HTTP + "/world")
		if err != nil {
			return err, true
		}
		_ = res.Body.Close()
		return res.Status, res.StatusCode != http.StatusOK
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "56789"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("a request that was accepted has no answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "0123456789" {
		t.Errorf("answer %q, %v", body, err)
	}
	if status := p.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
}

// TestSecondSignalForces stops a host that waits for a request that does not
// end.
func TestSecondSignalForces(t *testing.T) {
	p, ready := upHello(newHome(t))
	halfRequest(t, ready.HTTP)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.await("stopping")
	began := time.Now()
	err := poll.Wait(t.Context(), "the process to end", func() (any, bool) {
		_ = p.cmd.Process.Signal(os.Interrupt) // the first ones still count as one
		select {
		case <-p.done:
			return nil, true
		default:
			return "running", false
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := p.wait(); status != 1 || !strings.Contains(p.log(), "stopped at once") {
		t.Errorf("status %d, %q", status, p.log())
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("forced only after %s", took)
	}
}

// TestDrainIsBounded gives up a request that does not end within --drain.
func TestDrainIsBounded(t *testing.T) {
	h := newHome(t)
	p := h.start(append([]string{"up", example("hello-rust"), "--http-listen", "127.0.0.1:0", "--drain", "500ms"}, free...)...)
	halfRequest(t, p.await("ready").HTTP)
	began := time.Now()
	_ = p.cmd.Process.Signal(os.Interrupt)
	// It may have ended, with its connection, just before it is counted.
	if status := p.wait(); status != 0 || !strings.Contains(p.log(), "requests were cut off") {
		t.Errorf("status %d, %q", status, p.log())
	}
	if took := time.Since(began); took < 400*time.Millisecond || took > 20*time.Second {
		t.Errorf("stopped after %s", took)
	}
}

// TestProgramIsInterrupted stops a program that waits for its input.
func TestProgramIsInterrupted(t *testing.T) {
	h := newHome(t)
	cmd := h.command("run", example("command-rust/command.wasm"))
	in, err := cmd.StdinPipe() // not closed before the program has ended
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var errOut strings.Builder
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	// More than a pipe holds: when it is written, the program is reading.
	if _, err := in.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if s := cmd.ProcessState.ExitCode(); s != errcode.Unavailable.ExitStatus() || !strings.Contains(errOut.String(), "interrupted") {
		t.Errorf("status %d, %q", s, errOut.String())
	}
}

func TestProgramRunsOutOfTime(t *testing.T) {
	h := newHome(t)
	cmd := h.command("run", example("command-rust/command.wasm"), "--timeout", "300ms")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.CombinedOutput()
	if s := cmd.ProcessState.ExitCode(); s != errcode.Deadline.ExitStatus() || !strings.Contains(string(out), "--timeout") {
		t.Errorf("status %d (%v): %s", s, err, out)
	}
}
