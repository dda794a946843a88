package refdata

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// BuiltEnv names the folder in which scripts build guests; without it, the
// folder ".guests-work" in the repository's root is used.
const BuiltEnv = "GUESTS_WORK"

// Built returns the path of a guest that test/guests/build.sh makes. Where it
// is not made the test is skipped, or fails if CI is "true".
func Built(t testing.TB, name string) string {
	t.Helper()
	work := os.Getenv(BuiltEnv)
	if work == "" {
		_, file, _, _ := runtime.Caller(0)
		work = filepath.Join(filepath.Dir(file), "..", "..", ".guests-work")
	}
	path := filepath.Join(work, "guests", name+".wasm")
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("guest %s is not built: run test/guests/build.sh %s", name, name)
		}
		t.Skipf("SKIPPED: guest %s is not built; run: test/guests/build.sh %s", name, name)
	}
	return path
}
