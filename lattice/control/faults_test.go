package control_test

import (
	"time"

	"latticework/lattice/membus"
)

// faults is a network on which much goes wrong.
var faults = membus.Faults{DelayMin: time.Millisecond, DelayMax: 20 * time.Millisecond, Drop: 0.2, Duplicate: 0.2}
