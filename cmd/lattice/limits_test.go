package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

// greedy is a component that wants more of everything:
//
//	import wasi:clocks/monotonic-clock@0.3.0
//	export deep: func()         // calls itself for ever
//	export spin: func()         // counts for ever
//	export tell: func() -> string // 2,048 bytes
//	export keep: func()         // makes handles for ever
//	export flood: async func()  // begins to wait for an hour, for ever
//	export grow: func(n: u32) -> u32 // memory.grow
func greedy(t *testing.T) string {
	t.Helper()
	const void, loop, end, br = 0x40, 0x03, 0x0b, 0x0c
	c := NewComponent()
	u64, u32 := []byte{U64}, []byte{U32}
	wait := Cat([]byte{0x43}, Vec(Cat(Name("how-long"), u64)), []byte{1, 0})
	clock := c.Type([]byte{0x42}, Vec(Cat([]byte{1}, wait), Cat([]byte{4, 0}, Name("wait-for"), []byte{1, 0})))
	c.Add(10, []byte{1, 0}, Name("wasi:clocks/monotonic-clock@0.3.0"), []byte{5}, U(clock))
	waitFor := c.AliasFunc(0, "wait-for")
	kept := c.Resource(-1)
	plain, text, number := c.FuncType(nil), c.FuncType([]byte{String}), c.FuncType(u32, Param{Name: "n", Type: u32})
	async := c.Type([]byte{0x43}, Vec(), []byte{1, 0})

	m := &Module{}
	begin, add := m.Import("", "begin", m.Type("l", "i")), m.Import("", "add", m.Type("i", "i"))
	m.Memory(1, -1)
	m.Data(0, []byte{16, 0, 0, 0, 0, 8, 0, 0}) // a string of 2,048 bytes at 16
	m.Data(16, []byte(strings.Repeat("x", 2048)))
	none := m.Type("", "")
	deep := m.Func(m.Type("i", "i"), "", 0x20, 0, Call(2), I32(1), 0x6a)
	for _, f := range []struct {
		name string
		i    uint32
	}{
		{"deep", m.Func(none, "", I32(0), Call(deep), 0x1a)},
		{"spin", m.Func(none, "", loop, void, br, 0, end)},
		{"tell", m.Func(m.Type("", "i"), "", I32(0))},
		{"keep", m.Func(none, "", loop, void, I32(1), Call(add), 0x1a, br, 0, end)},
		{"flood", m.Func(none, "", loop, void, 0x42, S(3_600_000_000_000), Call(begin), 0x1a, br, 0, end)},
		{"grow", m.Func(m.Type("i", "i"), "", 0x20, 0, 0x40, 0)},
	} {
		m.Export(f.name, Func, f.i)
	}
	m.Export("memory", Memory, 0)
	given := c.CoreExports(Item{Name: "begin", Func: c.Lower(waitFor, []byte{6})}, Item{Name: "add", Func: c.ResourceNew(kept)})
	core := c.CoreInstance(c.CoreModule(m.Bytes()), Arg{Name: "", Instance: given})
	mem := MemoryOpt(c.CoreMemory(core, "memory"))
	for name, typ := range map[string]uint32{"deep": plain, "spin": plain, "tell": text, "keep": plain, "flood": async, "grow": number} {
		c.Export(name, SortFunc, c.Lift(c.CoreFunc(core, name), typ, mem))
	}
	file := filepath.Join(t.TempDir(), "greedy.wasm")
	if err := os.WriteFile(file, c.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// limited are calls of greedy under one limit each: of a manifest, and as flags
// of run. said is in the error or the result.
var limited = []struct {
	limits, flags, call string
	code                errcode.Code // "" if it answers
	said                string
	next, nextRun       string
}{
	{"fuel: 100000", "--fuel 100000", "spin()", errcode.Exhausted, " > 100000", "latticework.limits.fuel", "--fuel"},
	{"stack_bytes: 128KiB", "--stack-bytes 128KiB", "deep()", errcode.Exhausted, " > 131072", "latticework.limits.stack_bytes", "--stack-bytes"},
	{"stack_bytes: 32MiB", "--stack-bytes 32MiB", "deep()", errcode.Exhausted, " > 33554432", "latticework.limits.stack_bytes", "--stack-bytes"},
	{"value_bytes: 2047", "--value-bytes 2047", "tell()", errcode.Exhausted, " > 2047", "latticework.limits.value_bytes", "--value-bytes"},
	{"value_bytes: 3KiB", "--value-bytes 3KiB", "tell()", "", "xxx", "", ""},
	{"handles: 10", "--handles 10", "keep()", errcode.Exhausted, "11 > 10", "latticework.limits.handles", "--handles"},
	{"threads: 10", "--threads 10", "flood()", errcode.Exhausted, "11 > 10", "latticework.limits.threads", "--threads"},
	{"memory: 1MiB", "--memory 1MiB", "grow(15)", "", "1", "", ""},
	{"memory: 1MiB", "--memory 1MiB", "grow(16)", "", "4294967295", "", ""},
	{"memory: 1GiB", "--memory 1GiB", "grow(16383)", "", "1", "", ""},
	{"memory: 1GiB", "--memory 1GiB", "grow(16384)", "", "4294967295", "", ""},
	{"memory: 4GiB", "--memory 4GiB", "grow(65534)", "", "1", "", ""},
	{"time: 300ms", "--timeout 300ms", "spin()", errcode.Deadline, "deadline", "latticework.limits.time", "--timeout"},
}

// TestLimitsInForce has a component run into each limit of its manifest.
func TestLimitsInForce(t *testing.T) {
	h := newHome(t)
	file := greedy(t)
	parts := ""
	for i, l := range limited {
		parts += fmt.Sprintf("    - name: greedy%d\n      type: component\n      properties: {image: \"file://%s\", latticework: {limits: {%s}}}\n", i, file, l.limits)
	}
	parts += fmt.Sprintf("    - name: single\n      type: component\n      properties: {image: \"file://%s\", latticework: {limits: {instances: 1, time: 3s}}}\n", file)
	p := h.start(slices.Concat([]string{"up", application(t, parts)}, free)...)
	p.await("ready")
	for i, l := range limited {
		check(t, "manifest with "+l.limits, h.run("call", fmt.Sprintf("greedy%d", i), l.call), l.code, l.said, l.next)
	}
	oneInstance(t, h)
	var v struct{ Limits map[string]int64 }
	h.json(&v, "explain", "greedy1")
	if len(v.Limits) != 1 || v.Limits["stack_bytes"] != 128<<10 {
		t.Errorf("explain -o json: %v", v.Limits)
	}
	for name, want := range map[string]string{"greedy1": "\nlimits\n  stack_bytes 128KiB\n", "greedy0": "  fuel 100000\n", "greedy3": "  value_bytes 2047\n", "greedy12": "  time 300ms\n"} {
		if out := h.ok("explain", name); !strings.Contains(out, want) {
			t.Errorf("explain %s: no %q in\n%s", name, want, out)
		}
	}
	p.stop()
}

// large is a component whose memory begins with so many pages.
func large(t *testing.T, pages int) string {
	t.Helper()
	m := &Module{}
	m.Memory(pages, -1)
	m.Export("pages", Func, m.Func(m.Type("", "i"), "", 0x3f, 0))
	c := NewComponent()
	core := c.CoreInstance(c.CoreModule(m.Bytes()))
	c.Export("pages", SortFunc, c.Lift(c.CoreFunc(core, "pages"), c.FuncType([]byte{U32})))
	file := filepath.Join(t.TempDir(), "large.wasm")
	if err := os.WriteFile(file, c.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestMemoryToBeginWith: what needs more memory than it is allowed is refused
// with the limit to raise, and runs when that is.
func TestMemoryToBeginWith(t *testing.T) {
	h := newHome(t)
	file := large(t, 5000) // 312.5 MiB
	part := func(name, file, latticework string) string {
		return fmt.Sprintf("    - name: %s\n      type: component\n      properties: {image: \"file://%s\"%s}\n", name, file, latticework)
	}
	h.refused(errcode.Exhausted, []string{`component "large"`, "5000 > 4096", "latticework.limits.memory"}, "up", application(t, part("large", file, "")), "--nats-listen", "127.0.0.1:0")
	p := h.start(slices.Concat([]string{"up", application(t, part("large", file, ", latticework: {limits: {memory: 400MiB}}")+
		part("small", large(t, 2000), ", latticework: {limits: {memory: 100MiB}}"))}, free)...)
	p.await("ready")
	check(t, "400MiB", h.run("call", "large", "pages()"), "", "5000", "")
	check(t, "100MiB", h.run("call", "small", "pages()"), errcode.Exhausted, "131072000 > 104857600", "latticework.limits.memory of component small")
	if out := h.ok("explain", "large"); !strings.Contains(out, "\nlimits\n  memory 400MiB\n") {
		t.Errorf("explain:\n%s", out)
	}
	p.stop()
	h.refused(errcode.Exhausted, []string{"5000 > 4096", "--memory"}, "run", file, "--invoke", "pages()")
	check(t, "run", h.run("run", file, "--invoke", "pages()", "--memory", "400MiB"), "", "5000", "")
}

// oneInstance calls a component three times at once that may have one instance:
// one call runs, one waits until its time is over, and the third is refused. On a
// machine that is slow to begin the calls they may not meet.
func oneInstance(t *testing.T, h *home) {
	t.Helper()
	var refused atomic.Int64
	for range 5 {
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				r := h.run("call", "single", "spin()")
				if r.status == errcode.Exhausted.ExitStatus() && strings.Contains(r.stderr, "3 > 2") && strings.Contains(r.stderr, "latticework.limits.instances of component single") {
					refused.Add(1)
				}
			})
		}
		if calls.Wait(); refused.Load() > 0 {
			break
		}
	}
	if n := refused.Load(); n != 1 {
		t.Errorf("of three calls at once where one instance is allowed %d are refused, want 1", n)
	}
}

// TestRunLimits is the same with flags of run, of components and core modules.
func TestRunLimits(t *testing.T) {
	h := newHome(t)
	file := greedy(t)
	for _, l := range limited {
		check(t, l.flags, h.run(append([]string{"run", file, "--invoke", l.call}, strings.Fields(l.flags)...)...), l.code, l.said, l.nextRun)
	}
	core := spinningModule(t)
	for flags, said := range map[string]string{"--fuel 100000": " > 100000", "--stack-bytes 128KiB": " > 131072"} {
		name := map[bool]string{true: "spin", false: "deep"}[strings.HasPrefix(flags, "--fuel")]
		flag, _, _ := strings.Cut(flags, " ")
		check(t, "core module, "+flags, h.run(append([]string{"run", core, "--invoke", name}, strings.Fields(flags)...)...), errcode.Exhausted, said, flag)
	}
	for line, texts := range map[string][]string{
		"--fuel 0":             {"--fuel", `"0"`, "from 1 to 1000000000000000000"},
		"--fuel lots":          {"--fuel", `"lots"`, "--fuel 1000"},
		"--threads 65537":      {"--threads", "65536"},
		"--handles -1":         {"--handles", "1048576"},
		"--stack-bytes 1KiB":   {"--stack-bytes", "1KiB < 64KiB"},
		"--stack-bytes 33MiB":  {"--stack-bytes", "33MiB > 32MiB"},
		"--value-bytes 1023":   {"--value-bytes", "1023 < 1KiB"},
		"--memory 5GiB":        {"--memory", "5GiB > 4GiB"},
		"--memory 1 --fuel no": {"--memory: 1 < 64KiB", "--fuel"},
	} {
		h.refused(errcode.Invalid, texts, append([]string{"run", file}, strings.Fields(line)...)...)
	}
	for _, flag := range []string{"--memory", "--stack-bytes", "--value-bytes", "--fuel", "--threads", "--handles"} {
		if out := h.ok("__complete", "run", file, flag, ""); !strings.Contains(out, "1") || !strings.Contains(out, ":4\n") {
			t.Errorf("completion of %s: %q", flag, out)
		}
	}
}

// check wants a status, and in the output or the error what is said, with the
// next step.
func check(t *testing.T, what string, r result, code errcode.Code, said, next string) {
	t.Helper()
	status := 0
	if code != "" {
		status = code.ExitStatus()
	}
	if r.status != status || !strings.Contains(r.stdout+r.stderr, said) {
		t.Errorf("%s: status %d, %q, %q; want %d and %q", what, r.status, r.stdout, r.stderr, status, said)
	}
	if _, after, _ := strings.Cut(r.stderr, "\nnext: "); next != "" && !strings.Contains(after, next) {
		t.Errorf("%s: no %q in the next step of %q", what, next, r.stderr)
	}
}

// spinningModule is a core module that exports spin and deep.
func spinningModule(t *testing.T) string {
	t.Helper()
	m := &Module{}
	m.Memory(1, 1)
	m.Export("memory", Memory, 0)
	m.Export("spin", Func, m.Func(m.Type("", ""), "", 0x03, 0x40, 0x0c, 0, 0x0b))
	m.Export("deep", Func, m.Func(m.Type("", "i"), "", Call(1), I32(1), 0x6a))
	file := filepath.Join(t.TempDir(), "spin.wasm")
	if err := os.WriteFile(file, m.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
