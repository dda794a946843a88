//go:build !race

package guests

import "testing"

// notRaced lets large guests run: there is no race detector.
func notRaced(testing.TB) {}
