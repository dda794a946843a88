package raftstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/internal/poll"
	"latticework/lattice"
	"latticework/lattice/linkstate"
)

// childDir makes the test binary a process that writes until it is killed.
const childDir = "RAFTSTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeForEver(dir)
	}
	leakcheck.Main(m)
}

func put(n int) linkstate.Command {
	return linkstate.Command{PutConfig: &linkstate.PutConfig{Config: linkstate.Config{Name: fmt.Sprint("c", n%7), Values: map[string]string{"n": fmt.Sprint(n)}}}}
}

func bootstrapped(t testing.TB) Config {
	t.Helper()
	cfg := Config{Dir: filepath.Join(t.TempDir(), "data")}
	if _, err := Bootstrap(cfg, "test"); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func opened(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), poll.Patience(20*time.Second))
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

func apply(t testing.TB, s *Store, c linkstate.Command) linkstate.Result {
	t.Helper()
	res, err := s.Apply(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func closed(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBootstrapIsExplicit(t *testing.T) {
	cfg := Config{Dir: filepath.Join(t.TempDir(), "data")}
	if _, err := Open(cfg); !errors.Is(err, errcode.NotFound) || errcode.NextOf(err) == "" {
		t.Fatalf("open of nothing: %v", err)
	}
	if _, err := Bootstrap(cfg, "no good name"); !errors.Is(err, errcode.Invalid) {
		t.Fatalf("bad name: %v", err)
	}
	id, err := Bootstrap(cfg, "test")
	if err != nil || id.Validate() != nil {
		t.Fatal(id, err)
	}
	if _, err := Bootstrap(cfg, "test"); !errors.Is(err, errcode.Exists) {
		t.Fatalf("second bootstrap: %v", err)
	}
	s := opened(t, cfg)
	st := s.Status()
	if st.Cluster != id || st.Lattice != "test" || !st.Leading || st.Voters != 1 || st.Leader != st.Member {
		t.Fatalf("status %+v", st)
	}
	if v := s.Local(); v.Cluster() != string(id) || v.Lattice() != "test" {
		t.Fatalf("state of %s %s", v.Cluster(), v.Lattice())
	}
	if _, err := Open(Config{}); !errors.Is(err, errcode.Invalid) {
		t.Fatalf("no folder: %v", err)
	}
	if _, err := Open(Config{Dir: "x", Profile: Profile{Election: time.Second, Lease: time.Second}}); !errors.Is(err, errcode.Invalid) {
		t.Fatalf("lease = heartbeat: %v", err)
	}
}

func TestFolderIsLocked(t *testing.T) {
	cfg := bootstrapped(t)
	opened(t, cfg)
	for name, try := range map[string]func() error{
		"open":      func() error { _, err := Open(cfg); return err },
		"bootstrap": func() error { _, err := Bootstrap(cfg, "test"); return err },
	} {
		err := try()
		if !errors.Is(err, errcode.Conflict) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnwritableFolder(t *testing.T) {
	if os.Getuid() == 0 {
		// The superuser may write everywhere; a file in the folder's place is left.
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Bootstrap(Config{Dir: filepath.Join(file, "data")}, "test"); !errors.Is(err, errcode.Unavailable) || errcode.NextOf(err) == "" {
			t.Fatalf("got %v", err)
		}
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := Bootstrap(Config{Dir: filepath.Join(dir, "data")}, "test"); !errors.Is(err, errcode.Denied) || errcode.NextOf(err) == "" {
		t.Fatalf("got %v", err)
	}
}

// TestRestart: what was acknowledged is there after a restart, with the same
// running hash, from the log alone and from a snapshot and its tail.
func TestRestart(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		t.Run(fmt.Sprint("snapshot=", snapshot), func(t *testing.T) {
			cfg := bootstrapped(t)
			s := opened(t, cfg)
			for n := range 40 {
				if err := apply(t, s, put(n)).Err(); err != nil {
					t.Fatal(err)
				}
				if snapshot && n == 25 {
					if err := s.Snapshot(); err != nil {
						t.Fatal(err)
					}
				}
			}
			c := put(100)
			c.Request = "once"
			first := apply(t, s, c)
			before, view := s.Status(), string(s.Local().Encode())
			closed(t, s)
			closed(t, s)

			s = opened(t, cfg)
			after := s.Status()
			if after.Hash != before.Hash || after.Applied != before.Applied || after.Term <= before.Term {
				t.Errorf("status %+v, before %+v", after, before)
			}
			if got := string(s.Local().Encode()); got != view {
				t.Errorf("state\n%s\nbefore\n%s", got, view)
			}
			if again := apply(t, s, c); again != first {
				t.Errorf("repeated request: %+v, first %+v", again, first)
			}
			if snapshot {
				if _, err := s.Commits(t.Context(), 3); !errors.Is(err, errcode.NotFound) {
					t.Errorf("commits before the snapshot: %v", err)
				}
			}
		})
	}
}

func TestCommits(t *testing.T) {
	s := opened(t, bootstrapped(t))
	start := s.Local().Index()
	type answer struct {
		commits []linkstate.Commit
		err     error
	}
	waiting := make(chan answer, 1)
	go func() {
		c, err := s.Commits(t.Context(), start)
		waiting <- answer{c, err}
	}()
	apply(t, s, put(1))
	apply(t, s, put(1)) // unchanged: no commit
	got := <-waiting
	if got.err != nil || len(got.commits) != 1 || got.commits[0].Prev != start || got.commits[0].Term == 0 {
		t.Fatalf("got %+v", got)
	}
	apply(t, s, put(2))
	apply(t, s, put(3))
	all, err := s.Commits(t.Context(), start)
	if err != nil || len(all) != 3 || all[1].Prev != all[0].Index || all[2].Prev != all[1].Index {
		t.Fatalf("got %+v %v", all, err)
	}
	rep := linkstate.NewReplica(nil)
	for _, c := range all {
		if err := rep.Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Commits(t.Context(), all[2].Index+1); !errors.Is(err, errcode.NotFound) {
		t.Errorf("future: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Commits(short, all[2].Index); !errors.Is(err, errcode.Deadline) {
		t.Errorf("nothing new: %v", err)
	}
	go func() {
		_, err := s.Commits(context.Background(), all[2].Index)
		waiting <- answer{err: err}
	}()
	closed(t, s)
	if got := <-waiting; !errors.Is(got.err, errcode.Closed) {
		t.Errorf("closed: %v", got.err)
	}
}

// TestReadSeesAcknowledged: a read that begins after a write was acknowledged
// sees it, with writers and readers at once.
func TestReadSeesAcknowledged(t *testing.T) {
	s := opened(t, bootstrapped(t))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			name := fmt.Sprint("w", w)
			for n := range 25 {
				c := linkstate.Command{PutConfig: &linkstate.PutConfig{Config: linkstate.Config{Name: name, Values: map[string]string{"n": fmt.Sprint(n)}}}}
				res, err := s.Apply(t.Context(), c)
				if err != nil || res.Err() != nil {
					t.Error(err, res.Err())
					return
				}
				v, err := s.Read(t.Context())
				if err != nil || v.Config(name).Values["n"] != fmt.Sprint(n) || v.Index() < res.Index {
					t.Errorf("read after write %d: %+v %v", n, v.Config(name), err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestClosedAndEndedContexts(t *testing.T) {
	s := opened(t, bootstrapped(t))
	gone, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := s.Apply(gone, put(1)); !errors.Is(err, errcode.Deadline) {
		t.Errorf("apply: %v", err)
	}
	if _, err := s.Read(gone); !errors.Is(err, errcode.Deadline) {
		t.Errorf("read: %v", err)
	}
	if _, err := s.Apply(t.Context(), linkstate.Command{}); !errors.Is(err, errcode.Invalid) {
		t.Errorf("empty command: %v", err)
	}
	closed(t, s)
	if _, err := s.Apply(t.Context(), put(1)); !errors.Is(err, errcode.Closed) || !lattice.IsRefused(err) {
		t.Errorf("apply after close: %v", err)
	}
	if _, err := s.Read(t.Context()); !errors.Is(err, errcode.Closed) {
		t.Errorf("read after close: %v", err)
	}
	if err := s.Ready(t.Context()); !errors.Is(err, errcode.Closed) {
		t.Errorf("ready after close: %v", err)
	}
}

// TestFastStart: a single member leads soon after it is opened.
func TestFastStart(t *testing.T) {
	cfg := bootstrapped(t)
	begin := time.Now()
	opened(t, cfg)
	took := time.Since(begin)
	t.Logf("ready after %s", took)
	if took > 3*time.Second { // a loaded machine; 300 ms on a quiet one
		t.Errorf("ready after %s", took)
	}
}

// TestKill: a process that writes is killed without warning, again and again;
// everything it was told is written is there.
func TestKill(t *testing.T) {
	cfg := bootstrapped(t)
	acknowledged := 0
	for round := range 3 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+cfg.Dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 30 + round {
			if !lines.Scan() {
				t.Fatalf("round %d: the child ended", round)
			}
			fmt.Sscan(lines.Text(), &acknowledged)
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it died counts
			fmt.Sscan(lines.Text(), &acknowledged)
		}
		_ = child.Wait()
		s := opened(t, cfg)
		got := 0
		fmt.Sscan(s.Local().Config("count").Values["n"], &got)
		if got < acknowledged || got > acknowledged+1 {
			t.Fatalf("round %d: %d is written, %d was acknowledged", round, got, acknowledged)
		}
		closed(t, s)
	}
}

func writeForEver(dir string) {
	s, err := Open(Config{Dir: dir})
	if err == nil {
		err = s.Ready(context.Background())
	}
	n := 0
	if err == nil && s.Local().Config("count") != nil {
		fmt.Sscan(s.Local().Config("count").Values["n"], &n)
	}
	for err == nil {
		n++
		_, err = s.Apply(context.Background(), linkstate.Command{PutConfig: &linkstate.PutConfig{
			Config: linkstate.Config{Name: "count", Values: map[string]string{"n": fmt.Sprint(n)}}}})
		if err == nil {
			fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func BenchmarkApply(b *testing.B) {
	s := opened(b, bootstrapped(b))
	for n := 0; b.Loop(); n++ {
		apply(b, s, put(n))
	}
}

func BenchmarkRead(b *testing.B) {
	s := opened(b, bootstrapped(b))
	for b.Loop() {
		if _, err := s.Read(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
