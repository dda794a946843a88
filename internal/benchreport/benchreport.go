// Package benchreport carries the figures that benchmarks measure to the end of
// `make bench`, where each is one line:
//
//	NAME VALUE UNIT goal OP VALUE met|short
package benchreport

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Env names the file that Record appends to; `make bench` sets it.
const Env = "LATTICEWORK_FIGURES"

// Figure is one measured number. Name and Unit hold no spaces; a ratio's unit
// is "x". Op is "<=", ">=", "<" or ">"; with Op empty there is no goal.
type Figure struct {
	Name  string
	Value float64
	Unit  string
	Op    string
	Goal  float64
}

// Met reports whether the value reaches the goal; without a goal it is true.
func (f Figure) Met() bool {
	switch f.Op {
	case "":
		return true
	case "<=":
		return f.Value <= f.Goal
	case ">=":
		return f.Value >= f.Goal
	case "<":
		return f.Value < f.Goal
	case ">":
		return f.Value > f.Goal
	}
	return false
}

// String returns the figure's line without a newline.
func (f Figure) String() string {
	line := fmt.Sprintf("%s %s %s goal ", f.Name, number(f.Value), f.Unit)
	if f.Op == "" {
		return line + "-"
	}
	word := "short"
	if f.Met() {
		word = "met"
	}
	return line + fmt.Sprintf("%s %s %s", f.Op, number(f.Goal), word)
}

// Record appends the figure's line to the file named by Env, or logs it where
// there is none. A figure recorded again replaces the earlier value, so a
// benchmark may record in every round. It fails tb on a malformed figure or
// an unwritable file; a goal not met does not fail.
func Record(tb testing.TB, f Figure) {
	tb.Helper()
	if err := f.validate(); err != nil {
		tb.Fatal(err)
	}
	path := os.Getenv(Env)
	if path == "" {
		tb.Log(f)
		return
	}
	if err := appendLine(path, f.String()); err != nil {
		tb.Fatalf("record figure %s: %v", f.Name, err)
	}
}

func (f Figure) validate() error {
	for _, part := range []string{f.Name, f.Unit} {
		if part == "" || len(strings.Fields(part)) != 1 || strings.TrimSpace(part) != part {
			return fmt.Errorf("record figure %q: name and unit %q must be one word each", f.Name, f.Unit)
		}
	}
	switch f.Op {
	case "", "<=", ">=", "<", ">":
		return nil
	}
	return fmt.Errorf("record figure %s: operator %q is none of <= >= < >", f.Name, f.Op)
}

func appendLine(path, line string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line + "\n")
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// number prints v with four significant digits, whole numbers in full.
func number(v float64) string {
	if v == float64(int64(v)) {
		return strconv.FormatInt(int64(v), 10)
	}
	if v >= 1000 || v <= -1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
