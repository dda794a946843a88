//go:build race

package guests

import "testing"

// notRaced skips what compiles large guests: under the race detector that takes
// minutes and shows nothing of theirs.
func notRaced(t testing.TB) { t.Skip("SKIPPED: large guests under the race detector") }
