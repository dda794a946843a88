package manifest

import "time"

// Bounds of a manifest. What is above them is refused, with both numbers.
const (
	MaxBytes     = 1 << 20 // of a manifest
	MaxInstances = 10_000  // of one part
	MaxParts     = 1_000   // components and capabilities of an application
	maxProblems  = 100     // described; the rest is counted
	maxTraits    = 1_000   // of one part

	// As in link state, which would refuse more of them later.
	maxInterfaces  = 64 // of one link
	maxConfigNames = 16 // of a part, or of one end of a link
	maxProperties  = 64 // of a config, also of annotations
	maxLabels      = 32 // also of a spread's requirements
	maxSpreads     = 16

	maxValues   = 100_000  // YAML values read, aliases counted at each use
	maxName     = 63       // bytes of a name
	maxText     = 4_096    // bytes of any other text
	maxValue    = 16 << 10 // bytes of the value of a config's property, such as certificates
	minMemory   = 64 << 10
	maxMemory   = 4 << 30
	minTime     = time.Millisecond
	maxTime     = time.Hour
	maxRequests = 1_000_000_000
	maxGrants   = 256 // of one component

	// The ranges of a component's limits.
	maxHandles     = 1 << 20
	maxOpenFiles   = 1 << 16
	maxSockets     = 1 << 16
	minBuffered    = 64 << 10
	maxBuffered    = 4 << 20
	maxHeaders     = 1 << 14
	minHeaderBytes = 1 << 10
	maxHeaderBytes = 1 << 20
	maxOutgoing    = 1 << 16
	maxSpreadPart  = 100 // weight of one spread
)
