// Package valuespy is the contract of the guest values-py, whose exports tests
// call through it.
package valuespy

//go:generate go run latticework/cmd/lattice-bindgen -wit ../src/values-py/wit -o . -name valuespy -imports none
