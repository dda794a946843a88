//go:build race

package components_test

// raced says that the race detector keeps memory of its own for each byte, and
// looks at each access.
const raced = true
