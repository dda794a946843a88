package preview1

import (
	"context"
	"encoding/binary"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/wit/abi"
)

// testGuest is an instance of the module everything.
type testGuest struct {
	t  testing.TB
	in *Instance
}

// compile compiles a module for the test.
func compile(t testing.TB, data []byte, limits components.Limits) *Module {
	t.Helper()
	m, err := Compile(t.Context(), engine(t), data, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// openIn opens an instance of m, which is everything.
func openIn(t testing.TB, m *Module, cfg wasi.Config) *testGuest {
	t.Helper()
	in, err := m.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &testGuest{t: t, in: in}
}

// open opens an instance of the module everything.
func open(t testing.TB, cfg wasi.Config, limits components.Limits) *testGuest {
	t.Helper()
	return openIn(t, compile(t, everything(), limits), cfg)
}

// folder opens an instance with a folder of the host as descriptor 3.
func folder(t testing.TB, dir string) *testGuest {
	t.Helper()
	return open(t, wasi.Config{Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/"}}}, components.Limits{})
}

// try calls a function with integers and returns its errno.
func (g *testGuest) try(name string, args ...uint64) (errno, error) {
	out, err := g.in.core.Call(g.t.Context(), name, args...)
	if err != nil {
		return 0, err
	}
	return errno(out[0]), nil
}

// want calls a function and compares its errno.
func (g *testGuest) want(want errno, name string, args ...uint64) {
	g.t.Helper()
	got, err := g.try(name, args...)
	if err != nil || got != want {
		g.t.Errorf("%s%v: errno %d %s, %v; want %d %s", name, args, got, errnoNames[got], err, want, errnoNames[want])
	}
}

// put stores bytes in the guest's memory.
func (g *testGuest) put(at int, b string) {
	g.t.Helper()
	for i := range len(b) {
		if _, err := g.in.core.Call(g.t.Context(), "poke", uint64(at+i), uint64(b[i])); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *testGuest) get(at, n int) []byte {
	g.t.Helper()
	b := make([]byte, n)
	for i := range b {
		out, err := g.in.core.Call(g.t.Context(), "peek", uint64(at+i))
		if err != nil {
			g.t.Fatal(err)
		}
		b[i] = byte(out[0])
	}
	return b
}

func (g *testGuest) u32(at int) uint32 { return binary.LittleEndian.Uint32(g.get(at, 4)) }
func (g *testGuest) u64(at int) uint64 { return binary.LittleEndian.Uint64(g.get(at, 8)) }

// Where these tests keep things in the guest's memory.
const (
	atPath   = 0x1000
	atPath2  = 0x1800
	atVector = 0x2000
	atResult = 0x2100
	atBuffer = 0x3000
)

// open calls path_open under folder 3 with all rights to read and write asked
// for, and returns the descriptor.
func (g *testGuest) open(want errno, path string, how, flags uint64, asked rights) uint64 {
	g.t.Helper()
	g.put(atPath, path)
	g.want(want, "path_open", 3, 1, atPath, uint64(len(path)), how, uint64(asked), 0, flags, atResult)
	return uint64(g.u32(atResult))
}

const readWrite = rightFdRead | rightFdWrite

// write writes s to a descriptor.
func (g *testGuest) write(want errno, fd uint64, s string) {
	g.t.Helper()
	g.put(atBuffer, s)
	g.vector(atVector, atBuffer, len(s))
	g.want(want, "fd_write", fd, atVector, 1, atResult)
}

// read reads at most n bytes.
func (g *testGuest) read(want errno, fd uint64, n int) string {
	g.t.Helper()
	g.vector(atVector, atBuffer, n)
	g.want(want, "fd_read", fd, atVector, 1, atResult)
	if want != 0 {
		return ""
	}
	return string(g.get(atBuffer, int(g.u32(atResult))))
}

func (g *testGuest) vector(at, ptr, n int) {
	g.t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, uint32(ptr))
	g.put(at, string(binary.LittleEndian.AppendUint32(b, uint32(n))))
}

// one calls a function that takes one path under folder 3.
func (g *testGuest) one(want errno, name, path string) {
	g.t.Helper()
	g.put(atPath, path)
	g.want(want, name, 3, atPath, uint64(len(path)))
}

// TestAllFunctions compares the list with that of WASI 0.1.
func TestAllFunctions(t *testing.T) {
	seen := map[string]bool{}
	for _, h := range hosts() {
		if seen[h.Name] || h.Module != moduleName {
			t.Errorf("%s of %s is there twice or of another module", h.Name, h.Module)
		}
		seen[h.Name] = true
		if want := h.Name != "proc_exit"; want != (len(h.Results) == 1 && h.Results[0] == abi.I32) {
			t.Errorf("%s has results %v", h.Name, h.Results)
		}
	}
	if len(seen) != 46 {
		t.Errorf("%d functions, want 46", len(seen))
	}
}

func TestNothingIsGranted(t *testing.T) {
	g := open(t, wasi.Config{}, components.Limits{})
	g.want(errBadf, "fd_prestat_get", 3, atResult)
	g.open(errBadf, "etc/passwd", 0, 0, rightFdRead)
	g.want(0, "args_sizes_get", atResult, atResult+4)
	if n, size := g.u32(atResult), g.u32(atResult+4); n != 0 || size != 0 {
		t.Errorf("%d arguments of %d bytes", n, size)
	}
	g.want(0, "environ_sizes_get", atResult, atResult+4)
	if n := g.u32(atResult); n != 0 {
		t.Errorf("%d variables", n)
	}
	if got := g.read(0, 0, 10); got != "" {
		t.Errorf("standard input gives %q", got)
	}
	g.write(0, 1, "nowhere")
	g.want(errNotsock, "sock_accept", 0, 0, atResult)
	g.want(errBadf, "sock_shutdown", 9, 0)
	g.want(errNotsup, "proc_raise", 6)
	g.want(errNotsup, "clock_time_get", clockProcess, 0, atResult)
	g.want(errInval, "clock_time_get", 4, 0, atResult)
}
