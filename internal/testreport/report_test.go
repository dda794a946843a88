package main

import (
	"bytes"
	"strings"
	"testing"
)

const mixed = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"run","Package":"p","Test":"TestA/x"}
{"Action":"pass","Package":"p","Test":"TestA/x"}
{"Action":"run","Package":"p","Test":"TestA/y"}
{"Action":"output","Package":"p","Test":"TestA/y","Output":"    a_test.go:3: wrong answer\n"}
{"Action":"fail","Package":"p","Test":"TestA/y"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:9: SKIPPED: no redis\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p","Elapsed":1.25}
{"Action":"pass","Package":"q","Elapsed":0.5}
{"Action":"skip","Package":"r","Elapsed":0}
`

func TestReportCountsCases(t *testing.T) {
	var out bytes.Buffer
	if status := run(strings.NewReader(mixed), &out, false); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	for _, want := range []string{
		"a_test.go:3: wrong answer\n",
		"skip  p TestB: b_test.go:9: SKIPPED: no redis\n",
		"FAIL  p 1.2s\n", "ok    q 0.5s\n", "failed packages: p\n",
		"tests: 1 passed, 1 failed, 1 skipped in 2 packages, 1 packages failed\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, out.String())
		}
	}
}

func TestReportPanicLeavesNoTestUncounted(t *testing.T) {
	in := `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: boom\n"}
{"Action":"fail","Package":"p","Elapsed":0.1}
`
	var out bytes.Buffer
	if status := run(strings.NewReader(in), &out, false); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	for _, want := range []string{"panic: boom\n", "tests: 0 passed, 1 failed, 0 skipped in 1 packages"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, out.String())
		}
	}
}

func TestReportBuildFailure(t *testing.T) {
	in := `{"ImportPath":"p [p.test]","Action":"build-output","Output":"# p\n"}
{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/a.go:3:1: undefined: x\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"fail","Package":"p","Elapsed":0}
`
	var out bytes.Buffer
	if status := run(strings.NewReader(in), &out, false); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if !strings.Contains(out.String(), "undefined: x") {
		t.Errorf("report lacks the compiler's message:\n%s", out.String())
	}
}

func TestReportGreen(t *testing.T) {
	in := `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":0.1}
`
	var out bytes.Buffer
	if status := run(strings.NewReader(in), &out, false); status != 0 {
		t.Errorf("exit status %d, want 0:\n%s", status, out.String())
	}
}

func TestReportNothingRanFails(t *testing.T) {
	for _, in := range []string{"", "go: no such package\n"} {
		var out bytes.Buffer
		if status := run(strings.NewReader(in), &out, false); status != 1 {
			t.Errorf("input %q: exit status %d, want 1", in, status)
		}
	}
}

func TestSuiteLines(t *testing.T) {
	in := `{"Action":"run","Package":"latticework/wit","Test":"TestConformanceParser"}
{"Action":"run","Package":"latticework/wit","Test":"TestConformanceParser/a"}
{"Action":"pass","Package":"latticework/wit","Test":"TestConformanceParser/a"}
{"Action":"run","Package":"latticework/wit","Test":"TestConformanceParser/b"}
{"Action":"skip","Package":"latticework/wit","Test":"TestConformanceParser/b"}
{"Action":"pass","Package":"latticework/wit","Test":"TestConformanceParser"}
{"Action":"run","Package":"latticework/wit","Test":"TestDecodeSuite"}
{"Action":"pass","Package":"latticework/wit","Test":"TestDecodeSuite"}
{"Action":"run","Package":"latticework/wit","Test":"TestOther"}
{"Action":"pass","Package":"latticework/wit","Test":"TestOther"}
{"Action":"pass","Package":"latticework/wit","Elapsed":0.1}
`
	var out bytes.Buffer
	if status := run(strings.NewReader(in), &out, true); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	if !strings.Contains(out.String(), "\nwit/Parser: 1 passed, 0 failed, 1 skipped\n") {
		t.Errorf("no line of the suite:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "\nwit/Decode: 1 passed, 0 failed, 0 skipped\n") {
		t.Errorf("no line of the suite named by its end:\n%s", out.String())
	}
	if strings.Contains(out.String(), "Other:") {
		t.Errorf("a test that is no suite has a line:\n%s", out.String())
	}
}
