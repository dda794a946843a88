package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	"latticework/internal/wasmbuild"
	"latticework/wit"
)

// notRaced skips what compiles large guests: under the race detector that
// takes minutes and shows nothing of the command line.
func notRaced(t *testing.T) {
	if len(raceFlags) > 0 {
		t.Skip("SKIPPED: large guests under the race detector")
	}
}

func guest(t *testing.T, name string) string {
	return filepath.Join(refdata.Dir(t, "guests/wasm"), name+".wasm")
}

// TestRunGuests gives recorded programs what they were recorded with.
func TestRunGuests(t *testing.T) {
	notRaced(t)
	files, err := filepath.Glob(filepath.Join(refdata.Dir(t, "guests/expected"), "*-cmd*.json"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d recorded programs, want at least 4 (%v)", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Cases []struct {
					Args                  []string
					Stdin, Stdout, Stderr string
					Env                   map[string]string
					OK                    bool
				}
			}
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			for _, c := range want.Cases {
				args := []string{"run", guest(t, name), "--dir", t.TempDir() + "::/"}
				for k, v := range c.Env {
					args = append(args, "--env", k+"="+v)
				}
				r := h.runIn("", strings.NewReader(c.Stdin), append(append(args, "--"), c.Args...)...)
				if r.stdout != c.Stdout || r.stderr != c.Stderr || (r.status == 0) != c.OK {
					t.Errorf("%v: status %d, %q, %q; want success %t, %q, %q", c.Args, r.status, r.stdout, r.stderr, c.OK, c.Stdout, c.Stderr)
				}
			}
		})
	}
}

func TestRunGrants(t *testing.T) {
	h := newHome(t)
	program := example("command-rust/command.wasm")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.txt"), []byte("one two\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	without := h.run("run", program, "--", "/w/in.txt")
	if without.status == 0 {
		t.Errorf("a program without a grant read a file: %q", without.stdout)
	}
	with := h.run("run", program, "--dir", dir+"::/w:ro", "--", "/w/in.txt")
	if with.status != 0 || with.stdout == without.stdout {
		t.Errorf("with a grant: status %d, %q, %q", with.status, with.stdout, with.stderr)
	}
	h.refused(errcode.Invalid, []string{"--net", "allow="}, "run", program, "--net", "db.example")
	h.refused(errcode.Invalid, []string{"--net", "port"}, "run", program, "--net", "allow=db.example:0")
	h.refused(errcode.Invalid, []string{"--dir", "twice"}, "run", program, "--dir", dir+"::/w", "--dir", dir+"::/w")
	h.refused(errcode.NotFound, []string{"--env", "LATTICE_TEST_ABSENT"}, "run", program, "--env", "LATTICE_TEST_ABSENT")
	if out := h.ok("run", program, "--dir", dir+"::/w", "--arg", "/w/in.txt"); out != with.stdout {
		t.Errorf("with --arg: %q, want %q", out, with.stdout)
	}
	h.refused(errcode.NotFound, []string{"absent"}, "run", program, "--dir", filepath.Join(dir, "absent")+"::/w")
	h.refused(errcode.NotFound, []string{"absent.wasm", "check the path"}, "run", filepath.Join(dir, "absent.wasm"))
	h.refused(errcode.Invalid, []string{"wasi:cli/run", "lattice up"}, "run", example("counter/counter.wasm"))
}

// TestRunCoreModule runs WASI 0.1 programs as they are.
func TestRunCoreModule(t *testing.T) {
	h := newHome(t)
	dir := refdata.Dir(t, "conformance/wasi/wasip1/assemblyscript")
	if out := h.ok("run", filepath.Join(dir, "fd_write-to-stdout.wasm")); out != "hello" {
		t.Errorf("stdout %q, want hello", out)
	}
	if r := h.run("run", filepath.Join(dir, "proc_exit-failure.wasm")); r.status != 33 {
		t.Errorf("status %d, want 33: %s", r.status, r.stderr)
	}
	if out := h.ok("run", addModule(t), "--invoke", "add", "--", "2", "40"); out != "42\n" {
		t.Errorf("add answers %q", out)
	}
	h.refused(errcode.NotFound, []string{"sub"}, "run", addModule(t), "--invoke", "sub")
	h.refused(errcode.Invalid, []string{"no command"}, "run", addModule(t))
	h.refused(errcode.Unsupported, []string{"--net", "WASI 0.1"}, "run", addModule(t), "--net", "allow=*")
	trapping := trappingModule(t)
	want := "lattice: run " + trapping + ": trap: call _start: unreachable\n  at _start (core module 0, function 0)\n"
	if r := h.run("run", trapping); r.status != errcode.Trap.ExitStatus() || r.stderr != want {
		t.Errorf("status %d, %q; want %q", r.status, r.stderr, want)
	}
	guest := filepath.Join(refdata.Dir(t, "guests/wasm"), "js-pure-qjs.wasm")
	if out := h.ok("run", guest, "--invoke", `shapes.greet("you")`); out != "\"Hello, you! 👋\"\n" {
		t.Errorf("invoke answers %q", out)
	}
}

// trappingModule is a core module whose _start is an unreachable instruction.
func trappingModule(t *testing.T) string {
	m := &wasmbuild.Module{}
	m.Memory(1, 1)
	m.Export("memory", 2, 0)
	m.Export("_start", 0, m.Func(m.Type("", ""), "", 0x00))
	file := filepath.Join(t.TempDir(), "trap.wasm")
	if err := os.WriteFile(file, m.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// addModule is a core module that exports add: (i32, i32) -> i32.
func addModule(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "add.wasm")
	code := "\x00asm\x01\x00\x00\x00" + "\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f" + "\x03\x02\x01\x00" +
		"\x07\x07\x01\x03add\x00\x00" + "\x0a\x09\x01\x07\x00\x20\x00\x20\x01\x6a\x0b"
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestInspectAndWIT(t *testing.T) {
	h := newHome(t)
	var v struct {
		Kind             string
		Bytes            int
		Imports, Exports []struct {
			Name      string
			ServedBy  string `json:"served_by"`
			Functions []struct{ Name, Type string }
		}
	}
	h.json(&v, "inspect", example("counter/counter.wasm"))
	served := map[string]string{}
	increment := ""
	for _, im := range v.Imports {
		served[im.Name] = im.ServedBy
		for _, f := range im.Functions {
			if f.Name == "increment" {
				increment = f.Type
			}
		}
	}
	if v.Kind != "component" || v.Bytes == 0 || served["wasi:keyvalue/atomics@0.2.0-draft"] != "link" ||
		served["wasi:config/store@0.2.0-rc.1"] != "host" || len(v.Exports) != 1 {
		t.Errorf("inspect: %+v", v)
	}
	if want := "func(bucket: borrow<bucket>, key: string, delta: u64) -> result<u64, error>"; increment != want {
		t.Errorf("increment is %q, want %q", increment, want)
	}
	imports := len(v.Imports)
	v.Exports = nil
	h.json(&v, "inspect", filepath.Join(refdata.Dir(t, "guests/wasm"), "js-pure-qjs.wasm"))
	older := ""
	for _, f := range v.Exports[len(v.Exports)-1].Functions {
		if f.Name == "older" {
			older = f.Type
		}
	}
	if want := "func(p: person, by: u8) -> person"; older != want {
		t.Errorf("older is %q, want %q", older, want)
	}
	var plan components.Plan
	h.json(&plan, "inspect", "--plan", example("counter/counter.wasm"))
	if len(plan.Steps) != 1 || len(plan.Lifts) != 1 || len(plan.Hosts) == 0 || len(plan.Imports) != imports {
		t.Errorf("inspect --plan: %+v", plan)
	}
	text := h.ok("inspect", example("counter/counter.wasm"), "--plan")
	for _, want := range []string{"\nsteps\n", "lower wasi:keyvalue/atomics@0.2.0-draft increment for instance 0, memory 0", "wasi:http/incoming-handler@0.2.4.handle: core function"} {
		if !strings.Contains(text, want) {
			t.Errorf("inspect --plan: no %q in\n%s", want, text)
		}
	}
	if out := h.ok("inspect", coreModule(t)); !strings.Contains(out, "core module, 8 bytes") || !strings.Contains(out, "asks for nothing") {
		t.Errorf("inspect of an empty core module:\n%s", out)
	}
	h.refused(errcode.Unsupported, []string{"core module", "component new"}, "inspect", "--plan", coreModule(t))
	if out := h.ok("__complete", "inspect", "x.wasm", "--"); !strings.Contains(out, "--plan\t") {
		t.Errorf("--plan is not proposed: %s", out)
	}
	h.refused(errcode.NotFound, []string{"nothing.wasm", "check"}, "wit", "nothing.wasm")
}

// TestInspectCoreModule says what a module of WASI 0.1 asks for, and what
// nobody serves.
func TestInspectCoreModule(t *testing.T) {
	h := newHome(t)
	program := filepath.Join(refdata.Dir(t, "conformance/wasi/wasip1"), "assemblyscript", "fd_write-to-invalid-fd.wasm")
	out := h.ok("inspect", program)
	for _, want := range []string{
		"core module, 1983 bytes", "files (fd_write); reaches what is granted with --dir", "  exit (proc_exit)\n",
		"  wasi_snapshot_preview1  (by the host)\n    fd_write: func(i32, i32, i32, i32) -> i32\n    proc_exit: func(i32)\n",
		"\nexports\n  _start: func()\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// imports env.f and wasi_snapshot_preview1.random_get under a type that is not its own
	code := "\x00asm\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00" +
		"\x02\x2d\x02\x03env\x01f\x00\x00" + "\x16wasi_snapshot_preview1\x0arandom_get\x00\x00"
	file := filepath.Join(t.TempDir(), "strange.wasm")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	var v struct {
		Kind    string
		Asks    []struct{ Topic string }
		Imports []struct {
			Name     string
			ServedBy string `json:"served_by"`
		}
	}
	h.json(&v, "inspect", file)
	if v.Kind != "core module" || len(v.Asks) != 0 || len(v.Imports) != 2 || v.Imports[0].ServedBy != "nobody" || v.Imports[1].ServedBy != "nobody" {
		t.Errorf("%+v", v)
	}
}

func coreModule(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "core.wasm")
	if err := os.WriteFile(file, []byte("\x00asm\x01\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestWITOfGuests reads back what is printed of every guest.
func TestWITOfGuests(t *testing.T) {
	notRaced(t)
	files, _ := filepath.Glob(filepath.Join(refdata.Dir(t, "guests/wasm"), "*.wasm"))
	h := newHome(t)
	read := 0
	for _, file := range files {
		r := h.run("wit", file)
		if r.status == errcode.Unsupported.ExitStatus() {
			continue // WASI 0.3
		}
		if r.status != 0 {
			t.Errorf("wit %s: status %d, %s", filepath.Base(file), r.status, r.stderr)
			continue
		}
		_, pkg, err := wit.ParseText("printed.wit", r.stdout)
		if err != nil {
			t.Errorf("wit %s: what is printed cannot be read: %v\n%s", filepath.Base(file), err, r.stdout)
			continue
		}
		if world := pkg.World("root"); world == nil || len(world.Exports) == 0 {
			t.Errorf("wit %s: no world root with exports\n%s", filepath.Base(file), r.stdout)
		}
		read++
	}
	if read < 8 {
		t.Errorf("%d guests read, want at least 8", read)
	}
	// Printing is a normal form: printed again it is the same.
	out := h.ok("wit", example("counter/wit"))
	again := filepath.Join(t.TempDir(), "again.wit")
	if err := os.WriteFile(again, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if second := h.ok("wit", again); second != out {
		t.Errorf("printed twice:\n%s\nonce:\n%s", second, out)
	}
}

// TestCall calls functions of a deployed component.
func TestCall(t *testing.T) {
	h := newHome(t)
	guest := filepath.Join(refdata.Dir(t, "guests/wasm"), "js-pure-qjs.wasm")
	p := h.start(append([]string{"up", manifestFile(t, one(""), guest)}, free...)...)
	p.await("ready")
	if out := h.ok("call", "guest", `demo:pure/shapes.greet("you")`); out != "\"Hello, you! 👋\"\n" {
		t.Errorf("call answers %q", out)
	}
	var v struct{ Result, Host string }
	h.json(&v, "call", "guest", `shapes.next(red)`)
	if v.Result != "green" || v.Host == "" {
		t.Errorf("call -o json answers %+v", v)
	}
	h.refused(errcode.NotFound, []string{"shapes.gret", "shapes@0.1.0.greet"}, "call", "guest", `shapes.gret("")`)
	h.refused(errcode.Invalid, []string{"want string"}, "call", "guest", `shapes.greet(1)`)
}
