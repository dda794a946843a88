// Package start measures what lies between the start of a process and its first
// answer. It is by itself so that the program is no larger than it must be.
package start

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/benchreport"
	"latticework/internal/refdata"
)

// The environment by which this program knows that it is to answer one request
// and end: the component's file, the cache's folder, and whether it is only to
// have the engine load the component's core modules.
const (
	startFile  = "LATTICEWORK_PERF_START"
	startCache = "LATTICEWORK_PERF_CACHE"
	startCores = "LATTICEWORK_PERF_CORES"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(startFile); file != "" {
		do := answerOnce
		if os.Getenv(startCores) != "" {
			do = loadCores
		}
		if err := do(file, os.Getenv(startCache)); err != nil {
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

// loadCores has wazero alone take the core modules of the component in file from
// its own cache: what no start can do without.
func loadCores(file, cache string) error {
	ctx := context.Background()
	code, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	c, err := wazero.NewCompilationCacheWithDir(cache)
	if err != nil {
		return err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCompilationCache(c))
	loaded := 0
	for at := 8; at < len(code); { // sections: an id, a length in LEB128, contents
		size, n := binary.Uvarint(code[at+1:])
		body := code[at+1+n:][:size]
		if code[at] == 1 { // a core module
			if _, err := rt.CompileModule(ctx, body); err != nil {
				return err
			}
			loaded++
		}
		at += 1 + n + int(size)
	}
	_, err = fmt.Println(loaded, "core modules")
	return err
}

// starlingMonkey is a guest that is made and not kept.
const starlingMonkey = "fetch-js"

func component(b *testing.B, name string) []byte {
	b.Helper()
	if name != starlingMonkey {
		code, err := os.ReadFile(filepath.Join(refdata.Dir(b, "guests/wasm"), name+".wasm"))
		if err != nil {
			b.Fatal(err)
		}
		return code
	}
	code, err := os.ReadFile(refdata.Built(b, name))
	if err != nil {
		b.Fatal(err)
	}
	return code
}

// BenchmarkStart gives the time from the start of a process to a component's
// first answer, its code being in the cache on disk, and what of it a process
// takes that does nothing, and one that has wazero load the core modules.
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
			process := func(args []string, env ...string) func() float64 {
				return func() float64 {
					cmd := exec.Command(exe, args...)
					cmd.Env = append(os.Environ(), env...)
					var out, problem bytes.Buffer
					cmd.Stdout, cmd.Stderr = &out, &problem
					start := time.Now()
					if err := cmd.Run(); err != nil || out.Len() == 0 {
						b.Fatal(err, problem.String())
					}
					return float64(time.Since(start).Nanoseconds()) / 1e6
				}
			}
			answer := process(nil, startFile+"="+file, startCache+"="+filepath.Join(dir, "cache"))
			cores := process(nil, startFile+"="+file, startCache+"="+filepath.Join(dir, "cores"), startCores+"=1")
			idle := process([]string{"-test.run=^$"})
			answer() // fills the caches
			cores()
			for b.Loop() {
				var times [3][]float64
				for range 15 {
					for i, p := range []func() float64{answer, cores, idle} {
						times[i] = append(times[i], p())
					}
				}
				figure := func(i int, f benchreport.Figure) {
					slices.Sort(times[i])
					f.Value, f.Unit = times[i][len(times[i])/2], "ms"
					benchreport.Record(b, f)
				}
				figure(0, benchreport.Figure{Name: "start-" + name, Op: "<=", Goal: goals[name]})
				figure(1, benchreport.Figure{Name: "start-" + name + "-core-modules-in-wazero-alone"})
				figure(2, benchreport.Figure{Name: "start-of-an-idle-process"})
			}
		})
	}
}
