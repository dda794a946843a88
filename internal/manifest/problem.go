package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"latticework/internal/errcode"
)

// Problem is one thing wrong with a manifest.
type Problem struct {
	Code     errcode.Code // Invalid, Unsupported or Exhausted
	Position Position     // zero where the file as a whole is meant
	Path     string       // such as spec.components[0].name
	Text     string
	Next     string // the author's next step, or ""
}

// Error reports every problem of one manifest, in the order of the file. Its
// code (errcode.Of) is Invalid if any problem's is, else that of the first.
type Error struct {
	File     string
	Problems []Problem // at most 100
	Omitted  int       // further problems
}

// Error returns a line a problem: FILE:LINE:COLUMN: PATH: TEXT; NEXT.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.line(e.File)
	}
	if e.Omitted > 0 {
		lines = append(lines, fmt.Sprintf("%s: %d more problems", e.File, e.Omitted))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the error's code with the next step.
func (e *Error) Unwrap() error {
	code := e.Problems[0].Code
	for _, p := range e.Problems {
		if p.Code == errcode.Invalid {
			code = p.Code
		}
	}
	coded := errcode.New(code, "read manifest %s: %d problems", e.File, len(e.Problems))
	if len(e.Problems) == 1 {
		return coded
	}
	return coded.WithNext("correct the %d places above", len(e.Problems))
}

func (p Problem) line(file string) string {
	var b strings.Builder
	b.WriteString(file)
	if p.Position.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Position.Line, p.Position.Column)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	if p.Code != errcode.Invalid {
		b.WriteString(p.Code.Error() + ": ")
	}
	b.WriteString(p.Text)
	if p.Next != "" {
		b.WriteString("; " + p.Next)
	}
	return b.String()
}

func sortProblems(list []Problem) {
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
	})
}
