// Package refdata finds the reference suites and guests that tests read: data
// that is not part of the project.
package refdata

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Env names the folder with the reference data; without it, the folder
// "shared" beside the repository's root is used.
const Env = "LATTICEWORK_SHARED"

// Dir returns the path of sub below the reference data. Without the data the
// test is skipped, or fails if CI is "true".
func Dir(t testing.TB, sub string) string {
	t.Helper()
	root := os.Getenv(Env)
	if root == "" {
		_, file, _, _ := runtime.Caller(0)
		root = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared")
	}
	dir := filepath.Join(root, filepath.FromSlash(sub))
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("reference data %s is missing: set %s to the folder that holds it", sub, Env)
		}
		t.Skipf("SKIPPED: reference data %s is missing: set %s to the folder that holds it", sub, Env)
	}
	return dir
}

// SuiteEnv is how the variables begin that name a folder with another suite of
// the same format; the suite's name in capitals such as COMPONENT_MODEL follows.
const SuiteEnv = "LATTICEWORK_SUITE_"

// Suite returns the folder of the reference suite that lies at sub below
// "conformance", or another of the same format if the variable of SuiteEnv for
// the last part of sub names one. Of another suite nothing is known: neither
// how many cases it has, nor which of them fail.
func Suite(t testing.TB, sub string) (dir string, other bool) {
	t.Helper()
	name := SuiteEnv + strings.ToUpper(strings.ReplaceAll(sub[strings.LastIndexByte(sub, '/')+1:], "-", "_"))
	if dir = os.Getenv(name); dir == "" {
		return Dir(t, "conformance/"+sub), false
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return dir, true
}
