package validate_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

// TestRules: of each rule that the reference suite does not try, a component
// that breaks it, and some that keep it.
func TestRules(t *testing.T) {
	text, err := os.ReadFile("testdata/rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, cases, _ := strings.Cut(string(text), "\n\n")
	for block := range strings.SplitSeq(strings.TrimSpace(cases), "\n\n") {
		lines := strings.Split(block, "\n")
		if len(lines) != 4 {
			t.Fatalf("%d lines, want a name, a message, the text and the bytes:\n%s", len(lines), block)
		}
		name, want := lines[0], lines[1]
		data, err := base64.StdEncoding.DecodeString(lines[3])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err = accept(t, data)
		code := errcode.Invalid
		if strings.HasSuffix(want, "not supported") {
			code = errcode.Unsupported
		}
		switch {
		case want == "valid" && err != nil:
			t.Errorf("%s: %v", name, err)
		case want != "valid" && (errcode.Of(err) != code || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %s error %v, want %s error with %q", name, errcode.Of(err), err, code, want)
		}
	}
}
