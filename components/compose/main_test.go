package compose

import (
	"testing"

	"latticework/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }
