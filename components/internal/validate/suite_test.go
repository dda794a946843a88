package validate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
)

// expectedFailures says why a case does not go as its manifest wants. A case
// listed here that passes is an error too.
var expectedFailures = map[string]string{}

// coreErrors are the cases that only validation of a function body refuses,
// which is wazero's, with what its error says instead of the case's message.
var coreErrors = map[string]string{
	"validation__core-modules__0001__L24": "cannot pop the 1st operand for i32.add",
}

type manifest struct {
	Files []struct {
		Source string
		Cases  []struct {
			ID      string
			Kind    string
			Wasm    string
			Message string
			Actions []json.RawMessage
		}
	}
}

// accept decodes and validates.
func accept(t *testing.T, data []byte) error {
	t.Helper()
	c, err := binary.Decode(data, binary.Limits{})
	if err != nil {
		return err
	}
	return validate.Validate(c, data)
}

// compileCore compiles the core modules in a valid component.
func compileCore(data []byte) error {
	c, err := binary.Decode(data, binary.Limits{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	cfg := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(
		api.CoreFeaturesV2 | experimental.CoreFeaturesThreads | experimental.CoreFeaturesExceptionHandling)
	rt := wazero.NewRuntimeWithConfig(ctx, cfg)
	defer rt.Close(ctx)
	var visit func(*binary.Component) error
	visit = func(c *binary.Component) error {
		for _, d := range c.Defs {
			switch item := d.Item.(type) {
			case *binary.Component:
				if err := visit(item); err != nil {
					return err
				}
			case *binary.CoreModule:
				if _, err := rt.CompileModule(ctx, data[item.Start:item.End]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return visit(c)
}

func TestComponentModelValidation(t *testing.T) {
	dir := refdata.Dir(t, "conformance/component-model")
	b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	type count struct{ passed, failed, skipped int }
	var total count
	folders := map[string]*count{}
	for _, f := range m.Files {
		folder := filepath.Dir(f.Source)
		if folders[folder] == nil {
			folders[folder] = &count{}
		}
		for _, c := range f.Cases {
			if c.Wasm == "" {
				folders[folder].skipped++
				total.skipped++
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, c.Wasm))
			if err != nil {
				t.Fatal(err)
			}
			verdict := judge(c.ID, c.Kind, c.Message, data, accept(t, data))
			reason, expected := expectedFailures[c.ID]
			switch {
			case verdict == "" && expected:
				t.Errorf("%s: passes, but a failure is expected: %s", c.ID, reason)
			case verdict != "" && !expected:
				t.Errorf("%s: %s", c.ID, verdict)
			}
			if verdict == "" {
				folders[folder].passed++
				total.passed++
			} else {
				folders[folder].failed++
				total.failed++
			}
		}
	}
	var lines []string
	for name, n := range folders {
		lines = append(lines, fmt.Sprintf("  %s: %d passed, %d failed, %d skipped", name, n.passed, n.failed, n.skipped))
	}
	sort.Strings(lines)
	fmt.Printf("component-model validation: %d passed, %d failed, %d skipped\n%s\n",
		total.passed, total.failed, total.skipped, strings.Join(lines, "\n"))
}

// judge compares the outcome of a case with what is wanted; it returns "" or
// what is wrong.
func judge(id, kind, message string, data []byte, err error) string {
	if kind != "assert-invalid" && kind != "assert-malformed" {
		if err != nil {
			return fmt.Sprintf("refused: %v", err)
		}
		return ""
	}
	want := message
	if text, ok := coreErrors[id]; ok {
		if err != nil {
			return fmt.Sprintf("refused before wazero does: %v", err)
		}
		want, err = text, compileCore(data)
	}
	switch {
	case err == nil:
		return fmt.Sprintf("accepted, wanted %q", message)
	case errcode.Of(err) == errcode.Unsupported || errcode.Of(err) == errcode.Exhausted:
		return fmt.Sprintf("refused by a limit of ours: %v, wanted %q", err, want)
	case kind == "assert-malformed" && !strings.Contains(err.Error(), "decode "):
		return fmt.Sprintf("refused by validation, not by decoding: %v", err)
	case !strings.Contains(err.Error(), want):
		return fmt.Sprintf("refused for another reason: %v, wanted %q", err, want)
	}
	return ""
}

func TestGuestsAreValid(t *testing.T) {
	dir := refdata.Dir(t, "guests/wasm")
	files, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no guests in %s: %v", dir, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := accept(t, data); err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
		}
	}
}
