package guests

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/refdata"
	"latticework/providers/config"
	"latticework/providers/logging"
)

// recorded returns the recorded answers of a guest that exports functions:
// each line's first word names the answer.
func recorded(t *testing.T, name string) []string {
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/expected"), name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// TestPureFunctions calls a guest without imports. The recording writes answers
// as JavaScript values; the calls' answers are compared in this order.
func TestPureFunctions(t *testing.T) { pureFunctions(t, compiled) }

func pureFunctions(t *testing.T, mode components.EngineConfig) {
	calls := []struct{ line, call, want string }{
		{`greet "Hello, Wörld 🌍! 👋"`, `greet("Wörld 🌍")`, `"Hello, Wörld 🌍! 👋"`},
		{`greet-empty "Hello, ! 👋"`, `greet("")`, `"Hello, ! 👋"`},
		{`sum 2`, `sum([1, 4294967295, 2])`, `2`}, // the guest's engine cuts numbers to 32 bits, as recorded,
		{`sum-empty 0`, `sum([])`, `0`},
		{`older {"name":"Ada","age":38,"tags":["x","older"],"home":{"x":-1,"y":2}}`,
			`older({name: "Ada", age: 37, tags: ["x"], home: some({x: -1, y: 2})}, 1)`,
			`{name: "Ada", age: 38, tags: ["x", "older"], home: some({x: -1, y: 2})}`},
		{`older-none {"name":"Bob","age":2,"tags":["older"]}`,
			`older({name: "Bob", age: 1, tags: [], home: none}, 1)`, `{name: "Bob", age: 2, tags: ["older"], home: none}`},
		{`circle 3.141592653589793`, `area(circle(1.0))`, `ok(3.141592653589793)`},
		{`rect 7`, `area(rect((2.0, 3.5)))`, `ok(7)`},
		{`empty err "no area for an empty shape"`, `area(empty)`, `err("no area for an empty shape")`},
		{`next ["green","blue","red"]`, `next(red)`, `green`},
		{`toggle {"read":false,"write":true,"exec":false}`, `toggle({read, exec})`, `{write}`},
		{`sort ["","apple","pear","zoë"]`, `sort-strings(["pear", "zoë", "", "apple"])`, `["", "apple", "pear", "zoë"]`},
	}
	lines := recorded(t, "js-pure-qjs")
	if len(lines) != len(calls) {
		t.Fatalf("%d answers recorded, %d calls", len(lines), len(calls))
	}
	in := acquire(t, mode, "js-pure-qjs", components.LinkConfig{})
	for i, c := range calls {
		if lines[i] != c.line {
			t.Errorf("recorded %q, want %q", lines[i], c.line)
		}
		got, err := in.CallText(t.Context(), "demo:pure/shapes."+c.call)
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", c.call, got, err, c.want)
		}
	}
}

// TestKeyvalueFunctions calls a guest that counts in a store and logs.
func TestKeyvalueFunctions(t *testing.T) { keyvalueFunctions(t, compiled) }

func keyvalueFunctions(t *testing.T, mode components.EngineConfig) {
	var log bytes.Buffer
	h := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	given := append(system(t, wasi.Config{}), keyvalue(t)...)
	given = append(given, logging.BindLogging(logging.NewLogger(slog.New(h))))
	given = append(given, config.NewValues(map[string]string{"greeting": "bonjour", "bucket": "hits"}).Interfaces()...)
	in := acquire(t, mode, "js-kv-qjs", components.LinkConfig{Interfaces: given})
	logged := 0
	for _, line := range recorded(t, "js-kv-qjs") {
		words := strings.Fields(line)
		switch words[0] {
		case "log": // log [info] hits: hit b1/x
			logged++
		case "hit":
			want := "ok(" + words[3] + ")"
			if words[3] == "err" {
				want = `err("` + strings.Join(words[4:], " ") + `")`
			}
			got, err := in.CallText(t.Context(), `demo:kv/hits.hit("`+words[1]+`", "`+words[2]+`")`)
			if err != nil || got != want {
				t.Errorf("%s: %s, %v, want %s", line, got, err, want)
			}
			if !strings.Contains(log.String(), "hit "+words[1]+"/"+words[2]) {
				t.Errorf("log %q lacks %q", log.String(), words[1]+"/"+words[2])
			}
		case "settings":
			got, err := in.CallText(t.Context(), "demo:kv/hits.settings()")
			a, b := `[("greeting", "bonjour"), ("bucket", "hits")]`, `[("bucket", "hits"), ("greeting", "bonjour")]`
			if err != nil || got != a && got != b {
				t.Errorf("settings: %s, %v, want %s in any order", got, err, a)
			}
		}
	}
	if n := strings.Count(log.String(), "level=INFO"); n != logged || logged == 0 {
		t.Errorf("%d messages, want %d: %s", n, logged, log.String())
	}
}

func acquire(t *testing.T, mode components.EngineConfig, name string, cfg components.LinkConfig) *components.Instance {
	c, err := engine(t, mode).Compile(t.Context(), read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := c.Link(cfg)
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Release(context.Background()) })
	return in
}
