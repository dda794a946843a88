package components_test

import (
	"testing"

	"latticework/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }
