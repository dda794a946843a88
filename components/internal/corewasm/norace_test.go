//go:build !race

package corewasm_test

const raced = false
