//go:build race

package corewasm_test

// raced says that the race detector looks at each access.
const raced = true
