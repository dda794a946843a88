// Package leakcheck fails tests that leave goroutines or file descriptors
// behind.
package leakcheck

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"testing"
	"time"
)

// settle is how long what is ending may take to be gone.
const settle = 5 * time.Second

// Main runs a package's tests and then fails if they left a goroutine or,
// where the system can list them, a file descriptor behind. Call it from
// TestMain; it does not return.
//
// Goroutines whose stack mentions one of ignore are left out: for libraries
// that start one for the life of the process.
func Main(m *testing.M, ignore ...string) {
	before := take()
	code := m.Run()
	if code == 0 {
		if leaks := wait(before, ignore); leaks != "" {
			fmt.Fprintf(os.Stderr, "leakcheck: after all tests:\n%s", leaks)
			code = 1
		}
	}
	os.Exit(code)
}

// Check fails t at its end if it left a goroutine or file descriptor behind.
// Call it first, so that its check comes after the test's own cleanups. It is
// not for parallel tests.
func Check(t testing.TB, ignore ...string) {
	t.Helper()
	before := take()
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		if leaks := wait(before, ignore); leaks != "" {
			t.Errorf("leaked:\n%s", leaks)
		}
	})
}

// snapshot is what is open at one moment.
type snapshot struct {
	goroutines map[string]string // id → stack
	files      map[string]string // descriptor → what it leads to
}

func take() snapshot {
	return snapshot{goroutines: goroutines(), files: files()}
}

// wait looks until nothing is left that was not in before, and returns a
// description of what stays.
func wait(before snapshot, ignore []string) string {
	deadline := time.Now().Add(settle)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		leaks := compare(before, take(), ignore)
		if leaks == "" || time.Now().After(deadline) {
			return leaks
		}
		runtime.GC() // closes the files that nobody holds
		time.Sleep(pause)
	}
}

func compare(before, now snapshot, ignore []string) string {
	var lines []string
	for id, stack := range now.goroutines {
		if _, old := before.goroutines[id]; !old && !ignored(stack, ignore) {
			lines = append(lines, stack+"\n\n")
		}
	}
	for fd, target := range now.files {
		if old, had := before.files[fd]; (!had || old != target) && !kept(target) {
			lines = append(lines, fmt.Sprintf("file descriptor %s: %s\n", fd, target))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// standing are goroutines that the runtime and the test framework keep.
var standing = []string{
	"runtime/trace.", "os/signal.signal_recv", "os/signal.loop", "testing.(*M).",
	"testing.runFuzzing", "testing.runTests", "testing.(*F).", "testing.tRunner(",
	"runtime.ensureSigM", "runtime/pprof.",
}

func ignored(stack string, more []string) bool {
	// A test's own goroutine has tRunner as its outermost frame only; what a
	// test starts mentions it in the line "created by".
	body, _, _ := strings.Cut(stack, "\ncreated by ")
	for _, s := range standing {
		if strings.Contains(body, s) {
			return true
		}
	}
	for _, s := range more {
		if strings.Contains(stack, s) {
			return true
		}
	}
	return false
}

// goroutines returns the stack of every goroutine but the caller's, by id.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := make(map[string]string)
	for i, stack := range strings.Split(strings.TrimSpace(string(buf)), "\n\n") {
		if i == 0 {
			continue // the caller's own comes first
		}
		head, _, _ := strings.Cut(stack, " [")
		all[strings.TrimPrefix(head, "goroutine ")] = stack
	}
	return all
}

// kept reports whether a descriptor belongs to the process for good: the
// runtime's poller, what tests are recorded with.
func kept(target string) bool {
	for _, s := range []string{"anon_inode:[eventpoll]", "anon_inode:[eventfd]", "/proc/", "/sys/", "/dev/urandom", "/dev/random"} {
		if strings.HasPrefix(target, s) {
			return true
		}
	}
	return false
}
