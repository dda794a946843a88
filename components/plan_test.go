package components_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	. "latticework/internal/wasmbuild"
)

var update = flag.Bool("update", false, "write the golden files")

// nested is a component of two: size, of the inner one, is given to the other,
// which exports it under a name of its own.
func nested() []byte {
	u32 := []byte{U32}
	in := NewComponent()
	m := &Module{}
	m.Memory(1, 2)
	m.Global(3)
	m.Export("memory", Memory, 0)
	m.Export("size", Func, m.Func(m.Type("ii", "i"), "", 0x20, 1))
	m.Export("realloc", Func, m.Func(m.Type("iiii", "i"), "", I32(1024)))
	core := in.CoreInstance(in.CoreModule(m.Bytes()))
	mem, realloc := MemoryOpt(in.CoreMemory(core, "memory")), in.CoreFunc(core, "realloc")
	size := in.FuncType(u32, Param{Name: "text", Type: []byte{String}})
	in.Export("size", SortFunc, in.Lift(in.CoreFunc(core, "size"), size, mem, ReallocOpt(realloc)))

	user := NewComponent()
	sizeType := user.FuncType(u32, Param{Name: "text", Type: []byte{String}})
	sizeFn := user.ImportFunc("size", sizeType)
	res := user.Resource(-1)
	mm := &Module{}
	mm.Memory(1, 1)
	mm.Export("memory\n", Memory, 0)
	memInst := user.CoreInstance(user.CoreModule(mm.Bytes()))
	lowered := user.CoreExports(
		Item{Name: "size", Func: user.Lower(sizeFn, MemoryOpt(user.CoreMemory(memInst, "memory\n")))},
		Item{Name: "new", Func: user.ResourceNew(res)})
	um := &Module{}
	um.Import("", "size", um.Type("ii", "i"))
	um.Import("", "new", um.Type("i", "i"))
	um.Export("run", Func, um.Func(um.Type("i", "i"), "", I32(0), 0x20, 0, Call(0)))
	uInst := user.CoreInstance(user.CoreModule(um.Bytes()), Arg{Name: "", Instance: lowered})
	runType := user.FuncType(u32, Param{Name: "n", Type: u32})
	user.Export("run", SortFunc, user.Lift(user.CoreFunc(uInst, "run"), runType))

	c := NewComponent()
	a := c.Instance(c.Component(in.Bytes()))
	b := c.Instance(c.Component(user.Bytes()), With{Name: "size", Sort: SortFunc, Index: c.AliasFunc(a, "size")})
	c.Export("measure", SortFunc, c.AliasFunc(b, "run"))
	return c.Bytes()
}

// TestPlanGolden compares the plans of a component of a toolchain and of a
// nested one, as text and as JSON, with files.
func TestPlanGolden(t *testing.T) {
	hello, err := os.ReadFile(filepath.Join("..", "examples", "hello-c", "hello.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	e := planEngine(t, components.EngineConfig{})
	for name, data := range map[string][]byte{"hello": hello, "nested": nested()} {
		p, err := e.Plan(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var text strings.Builder
		if err := p.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		golden(t, "plan-"+name+".txt", text.String())
		out, err := json.MarshalIndent(p, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "plan-"+name+".json", string(out)+"\n")
	}
}

func planEngine(t *testing.T, cfg components.EngineConfig) *components.Engine {
	t.Helper()
	e, err := components.NewEngine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	return e
}

func golden(t *testing.T, name, have string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(have), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != have {
		t.Errorf("differs from %s (%v; -update rewrites it):\n%s", file, err, have)
	}
}

// TestPlanOfAsync: callbacks, built-ins and the asynchronous ABI are named.
func TestPlanOfAsync(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), "p3-async-qjs.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := planEngine(t, components.EngineConfig{}).Plan(data)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"in instance 0, async", ", async, ", "callback ", "task.return for instance 3", "waitable-set.new"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in the plan", want)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	e := planEngine(t, components.EngineConfig{MemoryBytes: 1 << 16})
	if _, err := e.Plan([]byte("\x00asm\x0d\x00\x01\x00\xff")); errcode.Of(err) != errcode.Invalid {
		t.Errorf("a broken component: %v", err)
	}
	hello, err := os.ReadFile(filepath.Join("..", "examples", "hello-c", "hello.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Plan(hello); errcode.Of(err) != errcode.Exhausted {
		t.Errorf("a memory above the engine's bound: %v", err)
	}
}
