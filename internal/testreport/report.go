package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
)

// event is one line of `go test -json`.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

// key names a test, or with test empty a package.
type key struct{ pkg, test string }

// counts are results of tests.
type counts struct{ passed, failed, skipped int }

// report collects events. A test that has subtests is not counted itself
// unless it failed on its own account: cases are counted, not their folders.
type report struct {
	out    io.Writer
	output map[key]*bytes.Buffer // of tests that have not ended
	parent map[key]bool          // has subtests
	result map[key]string        // pass, fail, skip
	order  []key                 // of result
	builds map[string]*bytes.Buffer
	broken []string // packages that failed
	ended  int      // packages with tests that ended
	stray  int      // lines that are no events
}

func newReport(out io.Writer) *report {
	return &report{
		out:    out,
		output: map[key]*bytes.Buffer{},
		parent: map[key]bool{},
		result: map[key]string{},
		builds: map[string]*bytes.Buffer{},
	}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
	}
}

func (r *report) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		r.stray++
		fmt.Fprintf(r.out, "%s\n", bytes.TrimRight(line, "\n"))
		return
	}
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		buffer(r.builds, e.ImportPath).WriteString(e.Output)
	case "build-fail":
		fmt.Fprintf(r.out, "%s", buffer(r.builds, e.ImportPath).String())
	case "output":
		if r.result[k] == "" {
			buffer(r.output, k).WriteString(e.Output)
		}
	case "run":
		if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
			r.markParents(e.Package, e.Test[:i])
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(k, e.Action)
		}
	}
}

func (r *report) markParents(pkg, test string) {
	for {
		r.parent[key{pkg, test}] = true
		i := strings.LastIndexByte(test, '/')
		if i < 0 {
			return
		}
		test = test[:i]
	}
}

func (r *report) endTest(k key, action string) {
	if r.result[k] == "" {
		r.order = append(r.order, k)
	}
	r.result[k] = action
	switch action {
	case "fail":
		fmt.Fprintf(r.out, "%s", buffer(r.output, k).String())
	case "skip":
		fmt.Fprintf(r.out, "skip  %s %s: %s\n", k.pkg, k.test, reason(buffer(r.output, k).String()))
	}
	delete(r.output, k)
}

func (r *report) endPackage(e event) {
	k := key{e.Package, ""}
	switch e.Action {
	case "pass":
		r.ended++
		fmt.Fprintf(r.out, "ok    %s %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		r.ended++
		r.broken = append(r.broken, e.Package)
		r.unended(e.Package)
		fmt.Fprintf(r.out, "%sFAIL  %s %.1fs\n", buffer(r.output, k).String(), e.Package, e.Elapsed)
	}
	delete(r.output, k)
}

// unended reports the tests of a package that died before they ended, as a
// panic or a timeout leaves them.
func (r *report) unended(pkg string) {
	var dead []key
	for k := range r.output {
		if k.pkg == pkg && k.test != "" {
			dead = append(dead, k)
		}
	}
	sort.Slice(dead, func(i, j int) bool { return dead[i].test < dead[j].test })
	for _, k := range dead {
		r.endTest(k, "fail")
	}
}

// count adds up the results for which keep holds. A failed parent counts only
// if none of its subtests failed.
func (r *report) count(keep func(key) bool) counts {
	var c counts
	failedBelow := map[key]bool{}
	for _, k := range r.order {
		if r.result[k] == "fail" {
			for t := k.test; ; {
				i := strings.LastIndexByte(t, '/')
				if i < 0 {
					break
				}
				t = t[:i]
				failedBelow[key{k.pkg, t}] = true
			}
		}
	}
	for _, k := range r.order {
		if !keep(k) {
			continue
		}
		result := r.result[k]
		if r.parent[k] && (result != "fail" || failedBelow[k]) {
			continue
		}
		switch result {
		case "pass":
			c.passed++
		case "fail":
			c.failed++
		case "skip":
			c.skipped++
		}
	}
	return c
}

func (r *report) finish(suites bool) {
	if suites {
		r.suites()
		return
	}
	c := r.count(func(key) bool { return true })
	if len(r.broken) > 0 {
		fmt.Fprintf(r.out, "\nfailed packages: %s\n", strings.Join(r.broken, " "))
	}
	fmt.Fprintf(r.out, "\ntests: %d passed, %d failed, %d skipped in %d packages, %d packages failed\n",
		c.passed, c.failed, c.skipped, r.ended, len(r.broken))
}

// suites prints a line for each top-level test named TestConformanceX or
// TestXSuite; its name is X, with the package's folder before it.
func (r *report) suites() {
	fmt.Fprintln(r.out)
	for _, top := range r.order {
		x, isSuite := suiteName(top.test)
		if !isSuite {
			continue
		}
		c := r.count(func(k key) bool {
			return k.pkg == top.pkg && (k.test == top.test || strings.HasPrefix(k.test, top.test+"/"))
		})
		name := strings.TrimPrefix(top.pkg, "latticework/")
		if x != "" {
			name += "/" + x
		}
		fmt.Fprintf(r.out, "%s: %d passed, %d failed, %d skipped\n", name, c.passed, c.failed, c.skipped)
	}
}

func suiteName(test string) (string, bool) {
	if strings.Contains(test, "/") {
		return "", false
	}
	if x, ok := strings.CutPrefix(test, "TestConformance"); ok {
		return x, true
	}
	if x, ok := strings.CutSuffix(test, "Suite"); ok {
		return strings.TrimPrefix(x, "Test"), true
	}
	return "", false
}

// failed reports whether a test or a package failed, or nothing ran at all.
func (r *report) failed() bool {
	if len(r.broken) > 0 || r.stray > 0 || r.ended == 0 {
		return true
	}
	for _, result := range r.result {
		if result == "fail" {
			return true
		}
	}
	return false
}

// reason is the line of a skipped test's output that says why.
func reason(output string) string {
	for _, line := range strings.Split(output, "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "===") || strings.HasPrefix(trimmed, "---") {
			continue
		}
		return trimmed
	}
	return "no reason given"
}

func buffer[K comparable](m map[K]*bytes.Buffer, k K) *bytes.Buffer {
	b := m[k]
	if b == nil {
		b = new(bytes.Buffer)
		m[k] = b
	}
	return b
}
