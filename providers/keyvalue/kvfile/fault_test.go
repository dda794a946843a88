package kvfile_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvfile"
)

// use opens a provider of the folder and a bucket in it.
func use(folder, bucket string) (p providers.Provider, keys keyvalue.Keys, err error) {
	ctx := context.Background()
	inner, err := kvfile.New(providers.Setup{Name: "store", DataFolder: folder})
	if err != nil {
		return nil, nil, err
	}
	p = providers.Guard(inner)
	if err := p.Open(ctx); err != nil {
		return p, nil, err
	}
	s, err := p.Link(ctx, providers.Link{Source: "a", Target: "store"})
	if err != nil {
		return p, nil, err
	}
	own, _ := providers.As[*keyvalue.Session](s)
	keys, err = own.Backend().Open(ctx, bucket)
	return p, keys, err
}

func mustUse(t *testing.T, folder, bucket string) (providers.Provider, keyvalue.Keys) {
	t.Helper()
	p, keys, err := use(folder, bucket)
	if p != nil {
		t.Cleanup(func() { _ = p.Close(context.Background()) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return p, keys
}

func wantCode(t *testing.T, err error, code errcode.Code, says ...string) {
	t.Helper()
	if err == nil || errcode.Of(err) != code {
		t.Fatalf("error %q (%v), want %q", errcode.Of(err), err, code)
	}
	for _, part := range says {
		if text := err.Error() + "\n" + errcode.NextOf(err); !strings.Contains(text, part) {
			t.Errorf("error %q lacks %q", text, part)
		}
	}
}

func openOnly(t *testing.T, folder string) error {
	t.Helper()
	p := newProvider(t, folder)
	err := p.Open(t.Context())
	if e := p.Close(t.Context()); e != nil {
		t.Errorf("close: %v", e)
	}
	return err
}

func TestOpenRefusals(t *testing.T) {
	path := func(folder string) string { return filepath.Join(folder, "store.keyvalue") }
	t.Run("in use", func(t *testing.T) {
		folder := t.TempDir()
		mustUse(t, folder, "b")
		start := time.Now()
		wantCode(t, openOnly(t, folder), errcode.Conflict, path(folder), "another process has it open", "another data folder")
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %s to say so", took)
		}
	})
	t.Run("not a folder", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wantCode(t, openOnly(t, file), errcode.Unavailable, file, "not a directory")
	})
	t.Run("something else", func(t *testing.T) {
		folder := t.TempDir()
		text := []byte(strings.Repeat("dear diary, ", 2000))
		if err := os.WriteFile(path(folder), text, 0o600); err != nil {
			t.Fatal(err)
		}
		wantCode(t, openOnly(t, folder), errcode.Invalid, path(folder), "move it away")
		if now, err := os.ReadFile(path(folder)); err != nil || string(now) != string(text) {
			t.Errorf("the file was changed (%v)", err)
		}
	})
	for name, fill := range map[string]func(tx *bbolt.Tx) error{
		"of another program": func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err },
		"of another version": func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket([]byte("format"))
			if err != nil {
				return err
			}
			return b.Put([]byte("version"), []byte("2"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			db, err := bbolt.Open(path(folder), 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Update(fill); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			want := errcode.Invalid
			if name == "of another version" {
				want = errcode.Unsupported
			}
			wantCode(t, openOnly(t, folder), want, path(folder))
		})
	}
	t.Run("no folder", func(t *testing.T) {
		_, err := kvfile.New(providers.Setup{Name: "store"})
		wantCode(t, err, errcode.Invalid, "no data folder")
		_, err = kvfile.New(providers.Setup{Name: "store", DataFolder: "x", Config: map[string]string{"sync": "sometimes"}})
		wantCode(t, err, errcode.Invalid, "always, never")
	})
}

func TestFileNamesStayApart(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"store", "Store", "../store", "a/b", "a%2fb", "ä", "a b", "con", "."} {
		p, err := kvfile.New(providers.Setup{Name: name, DataFolder: "data"})
		if err != nil {
			t.Fatal(err)
		}
		file := strings.ToLower(p.Path())
		if other, ok := seen[file]; ok || filepath.Dir(p.Path()) != "data" {
			t.Errorf("%q is kept in %s, where %q is", name, file, other)
		}
		seen[file] = name
	}
}

// TestDamage: whatever happened to the file, opening and reading it gives
// right answers or errors; it neither ends the process nor gives wrong data.
func TestDamage(t *testing.T) {
	folder := t.TempDir()
	p, keys := mustUse(t, folder, "b")
	want := map[string]string{}
	var pairs []keyvalue.Pair
	for i := range 300 {
		k, v := "key-"+strconv.Itoa(i), strings.Repeat(strconv.Itoa(i), 40)
		want[k] = v
		pairs = append(pairs, keyvalue.Pair{Key: k, Value: []byte(v)})
	}
	if err := keys.SetMany(t.Context(), pairs); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(folder, "store.keyvalue"))
	if err != nil {
		t.Fatal(err)
	}

	cut := t.TempDir()
	if err := os.WriteFile(filepath.Join(cut, "store.keyvalue"), whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	wantCode(t, openOnly(t, cut), errcode.Invalid, "it is cut short", "restore it from a backup")

	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	refused := 0
	for round := range 150 {
		bytes := append([]byte(nil), whole...)
		what := ""
		if round%5 == 0 {
			bytes = bytes[:r.IntN(len(bytes))]
			what = fmt.Sprintf("cut to %d of %d bytes", len(bytes), len(whole))
		} else {
			for range 1 + r.IntN(4) {
				at := r.IntN(len(bytes))
				bytes[at] ^= 1 << r.IntN(8)
				what += fmt.Sprintf("bit at %d; ", at)
			}
		}
		if err := readDamaged(t, bytes, want); err != nil {
			if strings.Contains(err.Error(), "WRONG") {
				t.Fatalf("seed %d, round %d, %s%v", seed, round, what, err)
			}
			refused++
		}
	}
	t.Logf("seed %d: %d of 150 damaged files gave an error", seed, refused)
	if refused < 30 {
		t.Errorf("only %d of 150 damaged files gave an error", refused)
	}
}

func readDamaged(t *testing.T, file []byte, want map[string]string) error {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "store.keyvalue"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	p, keys, err := use(dir, "b")
	defer func() {
		if p != nil {
			_ = p.Close(context.Background())
		}
	}()
	if err != nil {
		return err
	}
	for k, v := range want {
		e, err := keys.Get(context.Background(), k)
		if err != nil {
			return err
		}
		if e.Found && string(e.Value) != v {
			return fmt.Errorf("WRONG value of %s: %q", k, e.Value)
		}
	}
	page, err := keys.List(context.Background(), 0, 0)
	for _, k := range page.Keys {
		if _, ok := want[k]; !ok && err == nil {
			return fmt.Errorf("WRONG key %q", k)
		}
	}
	return err
}

const crashFolder = "KVFILE_TEST_CRASH_FOLDER"

// crashChild is the process that TestCrash kills.
func crashChild(folder string) {
	_, keys, err := use(folder, "b")
	for err == nil {
		var n uint64
		if n, err = keys.Increment(context.Background(), "n", 1); err == nil {
			fmt.Printf("acknowledged %d\n", n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestCrash: a process that is killed while it writes loses nothing that it
// acknowledged, and does nothing twice.
func TestCrash(t *testing.T) {
	folder := t.TempDir()
	var acknowledged uint64
	for round := range 4 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), crashFolder+"="+folder)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 20 + 15*round {
			if !lines.Scan() {
				t.Fatalf("the child ended: %v", cmd.Wait())
			}
			_, _ = fmt.Sscanf(lines.Text(), "acknowledged %d", &acknowledged)
		}
		_ = cmd.Process.Kill()
		for lines.Scan() { // what it still said
			_, _ = fmt.Sscanf(lines.Text(), "acknowledged %d", &acknowledged)
		}
		_ = cmd.Wait()

		p, keys := mustUse(t, folder, "b")
		e, err := keys.Get(t.Context(), "n")
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.ParseUint(string(e.Value), 10, 64)
		if n < acknowledged || n > acknowledged+1 {
			t.Fatalf("round %d: the file has %d, acknowledged were %d", round, n, acknowledged)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		acknowledged = n
	}
}

func BenchmarkKeyvalueFile(b *testing.B) {
	for _, sync := range []string{"always", "never"} {
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("increment/sync=%s/callers=%d", sync, callers), func(b *testing.B) {
				inner, err := kvfile.New(providers.Setup{Name: "store", DataFolder: b.TempDir(), Config: map[string]string{"sync": sync}})
				if err != nil {
					b.Fatal(err)
				}
				p := providers.Guard(inner)
				defer p.Close(context.Background())
				if err := p.Open(b.Context()); err != nil {
					b.Fatal(err)
				}
				s, err := p.Link(b.Context(), providers.Link{Source: "a", Target: "store"})
				if err != nil {
					b.Fatal(err)
				}
				own, _ := providers.As[*keyvalue.Session](s)
				keys, err := own.Backend().Open(b.Context(), "b")
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				b.SetParallelism(max(1, callers/2))
				if callers == 1 {
					for b.Loop() {
						if _, err := keys.Increment(b.Context(), "n", 1); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := keys.Increment(context.Background(), "n", 1); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
