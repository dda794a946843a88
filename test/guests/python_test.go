package guests

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/errcode"
)

// TestPython calls functions of a library that componentize-py made, with one
// for each kind of value.
func TestPython(t *testing.T) { pythonLibrary(t, compiled) }

func pythonLibrary(t *testing.T, mode components.EngineConfig) {
	c := built(t, mode, "values-py")
	var stderr strings.Builder
	tmpl, err := c.Link(components.LinkConfig{Interfaces: system(t, wasi.Config{Stderr: &stderr})})
	if err != nil {
		t.Fatal(err)
	}
	const point = "some({x: -1, y: 2147483647})"
	for _, k := range []struct {
		call, want string
		raised     string // or the exception that ends the instance
	}{
		{"integers(255, -128, 65535, -32768, 4294967295, -2147483648, 18446744073709551615, -9223372036854775808)",
			`["int 255", "int -128", "int 65535", "int -32768", "int 4294967295", "int -2147483648", ` +
				`"int 18446744073709551615", "int -9223372036854775808"]`, ""},
		{"extremes()", "(255, -128, 65535, -32768, 4294967295, -2147483648, 18446744073709551615, -9223372036854775808)", ""},
		{"floats(3.0, -1.0)", "(1, -0.3333333333333333)", ""},
		{"floats(inf, nan)", "(inf, nan)", ""},
		{"not(true)", "false", ""},
		{"next-char('a')", "'b'", ""},
		{`next-char('\u{1f30c}')`, "'🌍'", ""},
		{`next-char('\u{d7ff}')`, "", "surrogates not allowed"},
		{`join(["a", "", "ß🌍"], "-")`, `"a--ß🌍"`, ""},
		{`older({name: "Ada", age: 37, tags: ["x"], home: ` + point + `}, 1)`, `{name: "Ada", age: 38, tags: ["x", "older"], home: ` + point + `}`, ""},
		{`older({name: "", age: 255, tags: [], home: none}, 0)`, `{name: "", age: 255, tags: ["older"], home: none}`, ""},
		{`older({name: "", age: 255, tags: [], home: none}, 1)`, "", "OverflowError"},
		{"area(circle(1.0))", "ok(3.141592653589793)", ""},
		{"area(box((2.0, 3.5)))", "ok(7)", ""},
		{"area(nothing)", `err("no area for nothing")`, ""},
		{"next(blue)", "red", ""},
		{"invert({read, execute})", "{write}", ""},
		{"invert({})", "{read, write, execute}", ""},
		{"flatten([[1, 4294967295], [], [3]])", "[1, 4294967295, 3]", ""},
		{`first([some("a"), none])`, `some(some("a"))`, ""},
		{"first([none])", "some(none)", ""},
		{"first([])", "none", ""},
		{"reverse([1, 2, 255])", "[255, 2, 1]", ""},
		{`parse("18446744073709551615")`, "ok(18446744073709551615)", ""},
		{`parse("18446744073709551616")`, "", "OverflowError"},
		{`parse("x")`, "err(circle(1))", ""},
		{`parse-all(["1", "x", ""])`, `[ok(1), err("no number: x"), err("no number: ")]`, ""},
		{"too-large()", "", "OverflowError"},
		{"broken()", "", "ValueError: on request"},
		{"depth(500)", "500", ""},
		{"depth(1000000)", "", "RecursionError"},
		{"factorial(30)", `"265252859812191058636308480000000"`, ""},
		{`digest("abc")`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`, ""},
		{`words("b a b ß")`, `[("b", 2), ("a", 1), ("ß", 1)]`, ""},
		{"weekday(2024, 2, 29)", `"Thursday"`, ""},
	} {
		in, err := tmpl.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stderr.Reset()
		got, err := in.CallText(t.Context(), "test:values-py/values."+k.call)
		switch {
		case k.raised == "" && (err != nil || got != k.want):
			t.Errorf("%s: %s, %v, want %s", k.call, got, err, k.want)
		case k.raised != "" && (!errors.Is(err, errcode.Trap) || !strings.Contains(stderr.String(), k.raised)):
			t.Errorf("%s: %s, %v, %q; want a trap after %q", k.call, got, err, stderr.String(), k.raised)
		}
		in.Release(t.Context())
	}
	t.Run("resources", func(t *testing.T) { resources(t, tmpl, "test:values-py/values@0.1.0", false) })
	t.Run("stubs", func(t *testing.T) {
		stderr.Reset()
		pythonStubs(t, tmpl, &stderr)
	})
}

// TestPythonCommand runs a command that reaches the system by Python's own
// library.
func TestPythonCommand(t *testing.T) { pythonCommand(t, compiled) }

func pythonCommand(t *testing.T, mode components.EngineConfig) {
	c := built(t, mode, "command-py")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.txt"), "read by a guest ß\n")
	for _, k := range []struct {
		args           []string
		stdin          string
		code           int
		stdout, stderr string // stderr is a part of it
	}{
		{[]string{"args", "a", "b c", "ß"}, "", 0, `["a", "b c", "ß"]` + "\n", ""},
		{[]string{"env", "DEMO"}, "", 0, "d\n", ""},
		{[]string{"env", "HOME"}, "", 0, "None\n", ""},
		{[]string{"cwd"}, "", 0, "/\n", ""}, // its C library knows no initial folder
		{[]string{"lines"}, strings.Repeat("0123456789\n", 10_000), 0, "10000\n", ""},
		{[]string{"echo"}, "ß is ß\n", 0, "SS IS SS\n", ""},
		{[]string{"cat", "/data/in.txt"}, "", 0, "read by a guest ß\n", ""},
		{[]string{"list", "/data"}, "", 0, "in.txt file\n", ""},
		{[]string{"write", "/data/out", "written ß"}, "", 0, "9\n", ""},
		{[]string{"cat", "/data/../secret"}, "", 1, "", "Error"},
		{[]string{"cat", "/etc/passwd"}, "", 1, "", "FileNotFoundError"},
		{[]string{"year"}, "", 0, "True\n", ""},
		{[]string{"wait", "30"}, "", 0, "True\n", ""},
		{[]string{"exit", "0"}, "", 0, "", ""},
		{[]string{"exit", "3"}, "", 1, "", ""}, // the toolchain hands on success and failure alone
		{[]string{"fail"}, "", 1, "", "failing on request\n"},
		{[]string{"throw"}, "", 1, "", "TypeError: on request"},
	} {
		t.Run(strings.Join(k.args, " "), func(t *testing.T) {
			got := execute(t, c, wasi.Config{Args: append([]string{"guest"}, k.args...), Stdin: strings.NewReader(k.stdin),
				Env: []wasi.EnvVar{{Name: "DEMO", Value: "d"}}, Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/data"}}}, components.Limits{})
			if got.code != k.code || got.stdout != k.stdout || !strings.Contains(got.stderr, k.stderr) {
				t.Errorf("%+v, want %+v", got, k)
			}
		})
	}
	if data, err := os.ReadFile(filepath.Join(dir, "out.done")); err != nil || string(data) != "written ß" {
		t.Errorf("written: %q, %v", data, err)
	}
	t.Run("fresh", func(t *testing.T) {
		draw := wasi.Config{Args: []string{"guest", "draw"}}
		a, b := strings.Fields(execute(t, c, draw, components.Limits{}).stdout), strings.Fields(execute(t, c, draw, components.Limits{}).stdout)
		if len(a) != 3 || len(b) != 3 || a[0] == b[0] || a[1] == b[1] || a[2] == b[2] {
			t.Errorf("two runs drew %q and %q", a, b)
		}
	})
	t.Run("loop", func(t *testing.T) {
		overtime(t, c, wasi.Config{Args: []string{"guest", "loop"}})
	})
}
