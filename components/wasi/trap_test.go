package wasi_test

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
	"latticework/wit/abi"
)

// TestTrapOfRustGuest: the stack of a guest built with Rust's usual tools names
// its functions, as its name section has them.
func TestTrapOfRustGuest(t *testing.T) {
	c := compile(t, filepath.Join(refdata.Dir(t, "guests/wasm"), "rust-cmd.wasm"))
	s, err := wasi.Open(wasi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	interfaces := slices.Clone(s.Interfaces())
	for i, iface := range interfaces {
		if strings.HasPrefix(iface.Name, "wasi:io/streams@0.2") { // nothing can be written
			broken := *iface
			broken.Funcs = slices.Clone(iface.Funcs)
			for k := range broken.Funcs {
				if strings.HasPrefix(broken.Funcs[k].Name, "[method]output-stream.") {
					broken.Funcs[k].Call = func(context.Context, *abi.Call) error {
						return errcode.New(errcode.Unavailable, "the paper is out")
					}
				}
			}
			interfaces[i] = &broken
		}
	}
	tmpl, err := c.Link(components.LinkConfig{Interfaces: interfaces})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(context.Background())
	_, err = in.Call(t.Context(), "wasi:cli/run@0.2.12", "run")
	trap, ok := components.IsTrap(err)
	if !ok {
		t.Fatalf("no trap: %v", err)
	}
	frame := regexp.MustCompile(`^\S.* \((core module \d+, function \d+|host)\)$`)
	named := 0
	for _, line := range trap.Stack {
		if frame.MatchString(line) {
			named++
		}
	}
	stack := strings.Join(trap.Stack, "\n")
	if named < 2 || named < len(trap.Stack)/2 || !strings.Contains(stack, "rcmd::main (core module ") || !strings.HasPrefix(stack, "wasi:io/streams@0.2.12 [method]output-stream.") {
		t.Errorf("%v: %d of %d frames have a name:\n%s", err, named, len(trap.Stack), stack)
	}
}
