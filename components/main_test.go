package components_test

import (
	"testing"

	"latticework/components"
	"latticework/internal/leakcheck"
)

func TestMain(m *testing.M) {
	components.ServeCompileChild()
	leakcheck.Main(m)
}
