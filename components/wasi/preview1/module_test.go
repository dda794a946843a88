package preview1

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/errcode"
	"latticework/wit/value"
)

func TestCallValues(t *testing.T) {
	g := open(t, wasi.Config{}, components.Limits{})
	for _, c := range []struct {
		name string
		args []value.Value
		want value.Value
	}{
		{"add", []value.Value{value.U32(math.MaxUint32), value.S64(1)}, value.S64(1 << 32)},
		{"add", []value.Value{value.S32(-1), value.U64(math.MaxUint64)}, value.S64(1<<32 - 2)},
		{"sum", []value.Value{value.F32(0.5), value.F64(1.25)}, value.F64(1.75)},
		{"same", []value.Value{value.F32(-0.5)}, value.F32(-0.5)},
		{"sched_yield", nil, value.S32(0)},
	} {
		got, err := g.in.Call(t.Context(), c.name, c.args...)
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s%v = %v, %v; want %v", c.name, c.args, got, err, c.want)
		}
	}
	for _, c := range []struct {
		name string
		args []value.Value
		want errcode.Code
	}{
		{"missing", nil, errcode.NotFound},
		{"memory", nil, errcode.NotFound},
		{"add", nil, errcode.Invalid},
		{"add", []value.Value{value.S32(1), value.S32(1)}, errcode.Invalid},
		{"add", []value.Value{value.String("1"), nil}, errcode.Invalid},
		{"vector", []value.Value{value.S32(1)}, errcode.Unsupported},
	} {
		if _, err := g.in.Call(t.Context(), c.name, c.args...); !errors.Is(err, c.want) {
			t.Errorf("%s%v: %v, want %s", c.name, c.args, err, c.want)
		}
	}
}

func TestParseArgs(t *testing.T) {
	m := compile(t, everything(), components.Limits{})
	for _, c := range []struct {
		name string
		args []string
		want []value.Value // nil for an error
	}{
		{"add", []string{"4294967295", "-9223372036854775808"}, []value.Value{value.S32(-1), value.S64(math.MinInt64)}},
		{"add", []string{"0x10", "18446744073709551615"}, []value.Value{value.S32(16), value.S64(-1)}},
		{"sum", []string{"1.5", "-inf"}, []value.Value{value.F32(1.5), value.F64(math.Inf(-1))}},
		{"add", []string{"4294967296", "0"}, nil},
		{"add", []string{"-2147483649", "0"}, nil},
		{"add", []string{"1"}, nil},
		{"add", []string{"one", "1"}, nil},
		{"vector", []string{"1"}, nil},
		{"missing", nil, nil},
	} {
		got, err := m.ParseArgs(c.name, c.args)
		if (err == nil) != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s %q: %v, %v; want %v", c.name, c.args, got, err, c.want)
		}
	}
}

// TestInitialize opens libraries that set themselves up.
func TestInitialize(t *testing.T) {
	write := []byte{0x41, 1, 0x41, 8, 0x41, 1, 0x41, 0, 0x10, 0, 0x1a}
	b := &builder{
		pages: 1, data: "\x10\x00\x00\x00\x02\x00\x00\x00i\n",
		imports: [][3]string{{moduleName, "fd_write", "iiii:i"}, {moduleName, "proc_exit", "i:"}},
		funcs:   []code{{"_initialize", ":", write}, {"f", ":i", []byte{0x41, 42}}},
	}
	e := engine(t)
	var out bytes.Buffer
	got, err := Call(t.Context(), e, b.bytes(), wasi.Config{Stdout: &out}, components.Limits{}, "f")
	if err != nil || len(got) != 1 || got[0] != value.S32(42) || out.String() != "i\n" {
		t.Errorf("call: %v, %v, output %q", got, err, out.String())
	}
	if _, err := Run(t.Context(), e, b.bytes(), wasi.Config{}, components.Limits{}); !errors.Is(err, errcode.Invalid) {
		t.Errorf("run a library: %v, want invalid", err)
	}
	b.funcs[0].body = append([]byte{0x41, 5}, callFunc(1)...)
	var exit *ExitError
	if _, err := Call(t.Context(), e, b.bytes(), wasi.Config{}, components.Limits{}, "f"); !errors.As(err, &exit) || exit.Code != 5 {
		t.Errorf("call a library that exits: %v, want exit 5", err)
	}
}

func TestExit(t *testing.T) {
	e := engine(t)
	for _, code32 := range []int{0, 1, 255, 300} {
		b := &builder{
			pages: 1, imports: [][3]string{{moduleName, "proc_exit", "i:"}},
			funcs: []code{{"_start", ":", append(append([]byte{0x41}, sleb(code32)...), callFunc(0)...)}},
		}
		got, err := Run(t.Context(), e, b.bytes(), wasi.Config{}, components.Limits{})
		if err != nil || got != code32 {
			t.Errorf("exit %d: %d, %v", code32, got, err)
		}
	}
	b := &builder{funcs: []code{{"_start", ":", unreachable}}}
	if got, err := Run(t.Context(), e, b.bytes(), wasi.Config{}, components.Limits{}); !errors.Is(err, errcode.Trap) {
		t.Errorf("run a trap: %d, %v", got, err)
	}
}

// sleb encodes a small number that is not negative.
func sleb(n int) []byte { return []byte{byte(n)&0x7f | 0x80, byte(n>>7) | 0x80, byte(n>>14) & 0x3f} }

// TestNoMemory calls functions from a module that has no memory.
func TestNoMemory(t *testing.T) {
	b := &builder{
		imports: [][3]string{{moduleName, "random_get", "ii:i"}, {moduleName, "sched_yield", ":i"}},
		funcs: []code{
			{"random", ":i", append([]byte{0x41, 0, 0x41, 1}, callFunc(0)...)},
			{"yield", ":i", callFunc(1)},
		},
	}
	in, err := compile(t, b.bytes(), components.Limits{}).Open(t.Context(), wasi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(t.Context())
	for name, want := range map[string]value.Value{"random": value.S32(errFault), "yield": value.S32(0)} {
		if got, err := in.Call(t.Context(), name); err != nil || got[0] != want {
			t.Errorf("%s = %v, %v; want %v", name, got, err, want)
		}
	}
}

// TestManyInstances uses one module again and again: each instance begins with
// the memory that the module describes.
func TestManyInstances(t *testing.T) {
	m := compile(t, everything(), components.Limits{})
	for i := range 200 {
		in, err := m.Open(t.Context(), wasi.Config{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := in.Call(t.Context(), "peek", value.S32(atBuffer))
		if err != nil || got[0] != value.S32(0) {
			t.Fatalf("instance %d: memory holds %v, %v", i, got, err)
		}
		if _, err := in.Call(t.Context(), "poke", value.S32(atBuffer), value.S32(1)); err != nil {
			t.Fatal(err)
		}
		if err := in.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Call(t.Context(), "peek", value.S32(0)); !errors.Is(err, errcode.Closed) {
			t.Fatalf("call after close: %v", err)
		}
	}
}

// TestConcurrentInstances has many goroutines use one module.
func TestConcurrentInstances(t *testing.T) {
	m := compile(t, everything(), components.Limits{})
	dir := t.TempDir()
	hostFile(t, dir, "f", "content")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				in, err := m.Open(t.Context(), wasi.Config{Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/"}}})
				if err != nil {
					t.Error(err)
					return
				}
				g := &testGuest{t: t, in: in}
				if got := g.read(0, g.open(0, "f", 0, 0, rightFdRead), 100); got != "content" {
					t.Errorf("read %q", got)
				}
				if err := in.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
