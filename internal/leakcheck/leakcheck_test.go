package leakcheck

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestGoroutineIsFound(t *testing.T) {
	before := take()
	stop, done := make(chan struct{}), make(chan struct{})
	go waitForStop(stop, done)
	runtime.Gosched()

	if leaks := compare(before, take(), nil); !strings.Contains(leaks, "waitForStop") {
		t.Errorf("a waiting goroutine is not reported; got %q", leaks)
	}
	if leaks := compare(before, take(), []string{"leakcheck.waitForStop"}); leaks != "" {
		t.Errorf("an ignored goroutine is reported: %s", leaks)
	}
	close(stop)
	<-done
	if leaks := wait(before, nil); leaks != "" {
		t.Errorf("an ended goroutine is reported: %s", leaks)
	}
}

func waitForStop(stop, done chan struct{}) {
	defer close(done)
	<-stop
}

func TestFileIsFound(t *testing.T) {
	if files() == nil {
		t.Skip("this system does not list descriptors")
	}
	before := take()
	f, err := os.Create(filepath.Join(t.TempDir(), "left-open"))
	if err != nil {
		t.Fatal(err)
	}
	if leaks := compare(before, take(), nil); !strings.Contains(leaks, "left-open") {
		t.Errorf("an open file is not reported; got %q", leaks)
	}
	f.Close()
	if leaks := wait(before, nil); leaks != "" {
		t.Errorf("a closed file is reported: %s", leaks)
	}
}

func TestSocketIsFound(t *testing.T) {
	if files() == nil {
		t.Skip("this system does not list descriptors")
	}
	before := take()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if leaks := compare(before, take(), nil); !strings.Contains(leaks, "socket:") {
		t.Errorf("an open listener is not reported; got %q", leaks)
	}
	l.Close()
	if leaks := wait(before, nil); leaks != "" {
		t.Errorf("a closed listener is reported: %s", leaks)
	}
}

func TestCheckPassesAfterCleanup(t *testing.T) {
	Check(t)
	stop, done := make(chan struct{}), make(chan struct{})
	go waitForStop(stop, done)
	t.Cleanup(func() { close(stop); <-done })
}
