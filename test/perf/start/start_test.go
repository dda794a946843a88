// Package start measures what lies between the start of a process and its first
// answer. It is by itself so that the program is no larger than it must be.
package start

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/benchreport"
	"latticework/internal/refdata"
)

// The environment by which this program knows that it is to answer one request
// and end: the component's file, and the cache's folder.
const (
	startFile  = "LATTICEWORK_PERF_START"
	startCache = "LATTICEWORK_PERF_CACHE"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(startFile); file != "" {
		if err := answerOnce(file, os.Getenv(startCache)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// answerOnce compiles the component in file, or takes it from the cache, and
// writes its answer to a request to standard output.
func answerOnce(file, cache string) error {
	ctx := context.Background()
	code, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	e, err := components.NewEngine(ctx, components.EngineConfig{CacheDir: cache})
	if err != nil {
		return err
	}
	c, err := e.Compile(ctx, code)
	if err != nil {
		return err
	}
	s, err := wasi.Open(wasi.Config{})
	if err != nil {
		return err
	}
	t, err := c.Link(components.LinkConfig{Interfaces: append(s.Interfaces(), wasihttp.Interfaces(nil)...)})
	if err != nil {
		return err
	}
	exp, err := contract.ResolveIncomingHandler(t)
	if err != nil {
		return err
	}
	in, err := t.Acquire(ctx)
	if err != nil {
		return err
	}
	w := httptest.NewRecorder()
	if err := wasihttp.Serve(ctx, in, exp, w, httptest.NewRequest(http.MethodGet, "/", nil)); err != nil {
		return err
	}
	_, err = os.Stdout.Write(w.Body.Bytes())
	return err
}

// starlingMonkey is an example that is built and not kept; without it its figure
// is left out.
const starlingMonkey = "hello-js"

func component(b *testing.B, name string) []byte {
	b.Helper()
	if name != starlingMonkey {
		code, err := os.ReadFile(filepath.Join(refdata.Dir(b, "guests/wasm"), name+".wasm"))
		if err != nil {
			b.Fatal(err)
		}
		return code
	}
	code, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", name, "hello.wasm"))
	if err != nil {
		b.Skipf("SKIPPED: %v: build the examples first", err)
	}
	return code
}

// BenchmarkStart gives the time from the start of a process to a component's
// first answer, its code being in the cache on disk, and what of it a process
// takes that does nothing.
func BenchmarkStart(b *testing.B) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	goals := map[string]float64{"rust-http": 3, starlingMonkey: 250}
	for _, name := range []string{"rust-http", starlingMonkey} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			file := filepath.Join(dir, "component.wasm")
			if err := os.WriteFile(file, component(b, name), 0o600); err != nil {
				b.Fatal(err)
			}
			answer := func() float64 {
				cmd := exec.Command(exe)
				cmd.Env = append(os.Environ(), startFile+"="+file, startCache+"="+filepath.Join(dir, "cache"))
				var out, problem bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &problem
				start := time.Now()
				if err := cmd.Run(); err != nil || out.Len() == 0 {
					b.Fatal(err, problem.String())
				}
				return float64(time.Since(start).Nanoseconds()) / 1e6
			}
			idle := func() float64 {
				cmd := exec.Command(exe, "-test.run=^$")
				start := time.Now()
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				return float64(time.Since(start).Nanoseconds()) / 1e6
			}
			answer() // fills the cache
			for b.Loop() {
				var with, without []float64
				for range 15 {
					with, without = append(with, answer()), append(without, idle())
				}
				slices.Sort(with)
				slices.Sort(without)
				benchreport.Record(b, benchreport.Figure{Name: "start-" + name, Value: with[len(with)/2], Unit: "ms", Op: "<=", Goal: goals[name]})
				benchreport.Record(b, benchreport.Figure{Name: "start-of-an-idle-process", Value: without[len(without)/2], Unit: "ms"})
			}
		})
	}
}
