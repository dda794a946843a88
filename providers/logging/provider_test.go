package logging_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/providers/logging"
	"latticework/wit/abi"
	"latticework/wit/value"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// link returns a session and where its log goes.
func link(t *testing.T, config map[string]string) (providers.Session, *bytes.Buffer, error) {
	t.Helper()
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: logging.SlogTrace}))
	p, err := logging.New(providers.Setup{Name: "log", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Link(t.Context(), providers.Link{Source: "counter", Target: "log", Config: config})
	return s, &out, err
}

// call logs as a guest on another host does.
func call(t *testing.T, s providers.Session, level int, context, message string) {
	t.Helper()
	var in, out value.Encoder
	in.PutDisc(level, 6)
	in.PutString(context)
	in.PutString(message)
	f := s.Interfaces()[0].Funcs[0]
	if err := f.Wire(t.Context(), &abi.WireCall{In: value.NewDecoder(in.Buf), Out: &out}); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
}

func lines(t *testing.T, out *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(out.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

func TestLevelsAndAttributes(t *testing.T) {
	s, out, err := link(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for level := range 6 {
		call(t, s, level, "ctx", "message\nof two lines")
	}
	call(t, s, 2, "", "without context")
	got := lines(t, out)
	want := []string{"DEBUG-4", "DEBUG", "INFO", "WARN", "ERROR", "ERROR+4", "INFO"}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d: %s", len(got), len(want), out)
	}
	for i, m := range got {
		if m["level"] != want[i] || m["component"] != "counter" {
			t.Errorf("line %d: %v, want level %s of counter", i, m, want[i])
		}
		if i < 6 && (m["msg"] != "message\nof two lines" || m["context"] != "ctx") {
			t.Errorf("line %d: %v", i, m)
		}
	}
	if _, ok := got[6]["context"]; ok {
		t.Errorf("an empty context is written: %v", got[6])
	}
}

func TestLeastLevel(t *testing.T) {
	s, out, err := link(t, map[string]string{"level": "warn"})
	if err != nil {
		t.Fatal(err)
	}
	for level := range 6 {
		call(t, s, level, "", "m")
	}
	if got := lines(t, out); len(got) != 3 || got[0]["level"] != "WARN" {
		t.Errorf("lines: %v, want warn, error and critical", got)
	}
	if _, _, err := link(t, map[string]string{"level": "loud"}); errcode.Of(err) != errcode.Invalid || !strings.Contains(err.Error(), "trace, debug, info") {
		t.Errorf("level loud: %v, want invalid with the choices", err)
	}
	if _, _, err := link(t, map[string]string{"levle": "info"}); errcode.NextOf(err) != `did you mean "level"?` {
		t.Errorf("misspelt: %v, next %q", err, errcode.NextOf(err))
	}
}

func TestLongTextIsCut(t *testing.T) {
	s, out, err := link(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	call(t, s, 2, "", strings.Repeat("ä", 200_000))
	msg := lines(t, out)[0]["msg"].(string)
	if len(msg) > 66_000 || !strings.HasSuffix(msg, "ä… (cut)") || strings.ContainsRune(msg, '\uFFFD') {
		t.Errorf("message of %d bytes, ends with %q", len(msg), msg[len(msg)-20:])
	}
}
