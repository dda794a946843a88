package corewasm_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

type specFile struct {
	Commands []specCommand `json:"commands"`
}

type specCommand struct {
	Type       string     `json:"type"`
	Line       int        `json:"line"`
	Name       string     `json:"name"`
	Filename   string     `json:"filename"`
	As         string     `json:"as"`
	ModuleType string     `json:"module_type"`
	Action     specAction `json:"action"`
}

type specAction struct {
	Type   string      `json:"type"`
	Field  string      `json:"field"`
	Module string      `json:"module"`
	Args   []specValue `json:"args"`
}

type specValue struct {
	Type     string          `json:"type"`
	LaneType string          `json:"lane_type"`
	Value    json.RawMessage `json:"value"`
}

// specDir is where the engine keeps the standard's own tests.
func specDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the standard's tests are not in the module cache: %v", err)
		}
		t.Skipf("SKIPPED: the standard's tests are not in the module cache: %v", err)
	}
	return dir
}

// specSets are the folders whose proposals the engine runs.
var specSets = []string{"v1", "v2", "tail-call", "extended-const", "exception-handling"}

// TestSpecDifferential runs the WebAssembly standard's own tests on modules as
// they are and on rewritten ones: results, traps and memories are the same,
// and what one refuses the other does too.
func TestSpecDifferential(t *testing.T) {
	dir := specDir(t)
	sets := specSets
	if testing.Short() || raced { // nothing of it runs side by side
		sets = []string{"exception-handling", "tail-call"}
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			run := &specRun{}
			for _, set := range sets {
				files, err := filepath.Glob(filepath.Join(dir, set, "testdata", "*.json"))
				if err != nil || len(files) == 0 {
					t.Fatalf("no tests in %s: %v", set, err)
				}
				for _, f := range files {
					t.Run(set+"/"+strings.TrimSuffix(filepath.Base(f), ".json"), func(t *testing.T) {
						run.t = t
						for i, image := range []bool{false, true} {
							run.a = newSide(t, e.config(), false, false)
							run.b = newSide(t, e.config(), true, image)
							run.count = i == 0
							run.file(f)
						}
					})
				}
			}
			t.Logf("%d modules, %d actions, %d refusals compared", run.modules, run.actions, run.refusals)
			if len(sets) == len(specSets) && run.actions < 1000*len(sets)/5 || run.actions < 100 {
				t.Errorf("only %d actions compared", run.actions)
			}
		})
	}
}

type specRun struct {
	t                          *testing.T
	a, b                       *side
	dir                        string
	count                      bool
	modules, actions, refusals int
}

func (r *specRun) both(f func(s *side) error) (aerr, berr error) { return f(r.a), f(r.b) }

func (r *specRun) file(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	var spec specFile
	if err := json.Unmarshal(data, &spec); err != nil {
		r.t.Fatal(err)
	}
	r.dir = filepath.Dir(path)
	host, err := os.ReadFile(filepath.Join(r.dir, "..", "..", "testdata", "spectest.wasm"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, s := range []*side{r.a, r.b} {
		if err := s.instantiate(host); err != nil {
			r.t.Fatal(err)
		}
		s.named["spectest"] = s.last
	}
	for i := range spec.Commands {
		r.command(&spec.Commands[i])
	}
}

func (r *specRun) command(c *specCommand) {
	switch c.Type {
	case "module":
		r.module(c)
	case "register":
		for _, s := range []*side{r.a, r.b} {
			mod := s.last
			if c.Name != "" {
				mod = s.named[c.Name]
			}
			s.named[c.As] = mod
		}
	case "action", "assert_return", "assert_trap", "assert_exhaustion", "assert_exception":
		r.action(c)
	default:
		r.refusal(c)
	}
}

func (r *specRun) read(c *specCommand) []byte {
	data, err := os.ReadFile(filepath.Join(r.dir, c.Filename))
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}

func (r *specRun) module(c *specCommand) {
	data := r.read(c)
	aerr, berr := r.both(func(s *side) error { return s.instantiate(data) })
	if r.count {
		r.modules++
	}
	if limitOf(berr) && aerr == nil {
		r.t.Logf("line %d: %s: %v", c.Line, c.Filename, berr)
	} else if (aerr == nil) != (berr == nil) {
		r.t.Errorf("line %d: %s: original: %v; rewritten: %v", c.Line, c.Filename, aerr, berr)
	}
	if aerr != nil || berr != nil {
		r.a.last, r.b.last = nil, nil
		return
	}
	if err := sameMemory(r.a, r.b); err != nil {
		r.t.Errorf("line %d: %s: %v", c.Line, c.Filename, err)
	}
	if c.Name != "" {
		r.a.named[c.Name], r.b.named[c.Name] = r.a.last, r.b.last
	}
}

// uncaught are calls in which a module catches what another threw. One without
// the engine's try blocks does not: that ends the call.
var uncaught = map[string]bool{"imported-mismatch": true}

func (r *specRun) action(c *specCommand) {
	args, refs := specArgs(r.t, c.Action.Args)
	get := c.Action.Type == "get"
	a, aerr := r.a.do(c.Action.Module, c.Action.Field, get, args)
	b, berr := r.b.do(c.Action.Module, c.Action.Field, get, args)
	if r.count {
		r.actions++
	}
	if uncaught[c.Action.Field] {
		if aerr != nil || reason(berr) != "wasm error: uncaught exception" {
			r.t.Errorf("line %d: %s: original: %v; rewritten: %v", c.Line, c.Action.Field, aerr, berr)
		}
		return
	}
	err := same(a, b, aerr, berr, refs || resultsAreRefs(r.a, &c.Action))
	if err == nil {
		err = sameMemory(r.a, r.b)
	}
	if err != nil {
		r.t.Errorf("line %d: %s %s(%x): %v", c.Line, c.Action.Module, c.Action.Field, args, err)
	}
}

// resultsAreRefs reports whether an action answers references, which differ
// from store to store.
func resultsAreRefs(s *side, a *specAction) bool {
	mod := s.last
	if a.Module != "" {
		mod = s.named[a.Module]
	}
	if mod == nil {
		return false
	}
	if d, ok := mod.ExportedFunctionDefinitions()[a.Field]; ok {
		return slices.ContainsFunc(d.ResultTypes(), func(t byte) bool { return t == 0x70 || t == 0x6f || t == 0x69 })
	}
	return a.Type == "get" // globals of references exist too
}

// refusal is a module that must not come to life.
func (r *specRun) refusal(c *specCommand) {
	if c.ModuleType == "text" || c.Filename == "" {
		return
	}
	data := r.read(c)
	if c.Type == "assert_unlinkable" || c.Type == "assert_uninstantiable" {
		lastA, lastB := r.a.last, r.b.last
		aerr, berr := r.both(func(s *side) error { return s.instantiate(data) })
		if (aerr == nil) != (berr == nil) {
			r.t.Errorf("line %d: %s %s: original: %v; rewritten: %v", c.Line, c.Type, c.Filename, aerr, berr)
		}
		r.a.last, r.b.last = lastA, lastB
	} else {
		aerr, berr := r.both(func(s *side) error { _, _, err := s.compile(data); return err })
		if berr == nil && aerr != nil {
			r.t.Errorf("line %d: %s %s: the original is refused (%v), the rewritten module is not", c.Line, c.Type, c.Filename, aerr)
		}
	}
	if r.count {
		r.refusals++
	}
}

func specArgs(t *testing.T, vs []specValue) (out []uint64, refs bool) {
	for _, v := range vs {
		if v.Type == "v128" {
			out = append(out, specVector(t, v)...)
			continue
		}
		var text string
		if err := json.Unmarshal(v.Value, &text); err != nil {
			t.Fatal(err)
		}
		refs = refs || strings.HasSuffix(v.Type, "ref")
		out = append(out, specNumber(t, v.Type, text))
	}
	return out, refs
}

func specNumber(t *testing.T, typ, text string) uint64 {
	switch {
	case text == "null":
		return 0
	case strings.HasPrefix(text, "nan") && strings.HasSuffix(typ, "32"):
		return uint64(math.Float32bits(float32(math.NaN())))
	case strings.HasPrefix(text, "nan"):
		return math.Float64bits(math.NaN())
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if strings.HasPrefix(text, "-") {
		var signed int64
		signed, err = strconv.ParseInt(text, 10, 64)
		n = uint64(signed)
		if strings.HasSuffix(typ, "32") {
			n = uint64(uint32(n))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if typ == "externref" {
		n++ // zero is null
	}
	return n
}

func specVector(t *testing.T, v specValue) []uint64 {
	var lanes []string
	if err := json.Unmarshal(v.Value, &lanes); err != nil {
		t.Fatal(err)
	}
	var out [2]uint64
	bits := 128 / len(lanes)
	for i, l := range lanes {
		n := specNumber(t, v.LaneType, l)
		if bits < 64 {
			n &= 1<<bits - 1
		}
		out[i*bits/64] |= n << (i * bits % 64)
	}
	return out[:]
}

// TestSpecModulesAgree checks every module of the engine's tests: one that the
// engine compiles is compiled after rewriting too, unless it breaks a stated
// limit or uses what is not supported.
func TestSpecModulesAgree(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(specDir(t), "*", "testdata", "*.wasm"))
	if err != nil || len(files) < 1000 {
		t.Fatalf("%d modules: %v", len(files), err)
	}
	a := newSide(t, engines[1].config(), false, false)
	b := newSide(t, engines[1].config(), true, true)
	accepted, limited := 0, 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		code, _, aerr := a.compile(data)
		code2, _, berr := b.compile(data)
		switch {
		case aerr == nil && berr == nil:
			accepted++
			_ = code.Close(context.Background())
			_ = code2.Close(context.Background())
		case aerr == nil && limitOf(berr):
			limited++
			t.Logf("%s: %v", filepath.Base(f), berr)
		case aerr == nil:
			t.Errorf("%s: accepted before, not after: %v", f, berr)
		case berr == nil:
			t.Errorf("%s: accepted after, not before: %v", f, aerr)
		}
	}
	t.Logf("%d modules: %d accepted by both, %d refused for a limit", len(files), accepted, limited)
}

func limitOf(err error) bool {
	c := errcode.Of(err)
	return c == errcode.Exhausted || c == errcode.Unsupported || c == errcode.Trap
}
