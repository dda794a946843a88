package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

// reexporter is a component that imports the interface from, without
// functions, and exports it as to. Both names have eleven bytes.
func reexporter(t *testing.T, from, to string) string {
	t.Helper()
	if len(from) != 11 || len(to) != 11 {
		t.Fatal("names of eleven bytes are wanted")
	}
	code := "\x00asm\x0d\x00\x01\x00" +
		"\x07\x03\x01\x42\x00" + // type 0: an empty instance
		"\x0a\x10\x01\x00\x0b" + from + "\x05\x00" +
		"\x0b\x11\x01\x00\x0b" + to + "\x05\x00\x00"
	file := filepath.Join(t.TempDir(), "part.wasm")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCompose(t *testing.T) {
	h := newHome(t)
	socket, plug := reexporter(t, "test:b/face", "test:c/face"), reexporter(t, "test:a/face", "test:b/face")
	whole := filepath.Join(t.TempDir(), "whole.wasm")
	if out := h.ok("compose", socket, "--plug", plug, "-o", whole); !strings.Contains(out, whole) {
		t.Errorf("compose prints %q", out)
	}
	text := h.ok("wit", whole)
	for want, there := range map[string]bool{"import test:a/face": true, "export test:c/face": true, "test:b/face": false} {
		if strings.Contains(text, want) != there {
			t.Errorf("%q in the composed world: want %t\n%s", want, there, text)
		}
	}
	h.refusedText(errcode.NotFound, []string{"nothing to plug", "test:a/face", "test:c/face"}, "compose", plug, "--plug", socket, "-o", whole)
	h.refusedText(errcode.Conflict, []string{"provided by both"}, "compose", socket, "--plug", plug, "--plug", plug, "-o", whole)
	h.refusedText(errcode.Invalid, []string{"core module", "component new"}, "compose", socket, "--plug", coreModule(t), "-o", whole)
	h.refusedText(errcode.Invalid, []string{"--plug"}, "compose", socket, "-o", whole)
	h.refusedText(errcode.Invalid, []string{"-o FILE"}, "compose", socket, "--plug", plug)
	h.refusedText(errcode.NotFound, []string{"nothing.wasm"}, "compose", socket, "--plug", "nothing.wasm", "-o", whole)
	h.refusedText(errcode.Denied, []string{"write"}, "compose", socket, "--plug", plug, "-o", filepath.Join(t.TempDir(), "no", "whole.wasm"))
}

// refusedText is refused for a command whose -o is not the form of output.
func (h *home) refusedText(code errcode.Code, texts []string, args ...string) {
	h.t.Helper()
	r := h.run(args...)
	if r.status != code.ExitStatus() || !strings.Contains(r.stderr, "\nnext: ") {
		h.t.Errorf("lattice %s: status %d, want %d and a next step\n%s", strings.Join(args, " "), r.status, code.ExitStatus(), r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stderr, text) {
			h.t.Errorf("lattice %s: %q is not in %q", strings.Join(args, " "), text, r.stderr)
		}
	}
}
