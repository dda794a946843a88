// Package zoo is the contract that the tests of bindgen generate and drive: a
// small WIT package with every kind of type.
package zoo

//go:generate go run latticework/cmd/lattice-bindgen -wit ../../testdata/zoo -prompt flows.count -o . -name zoo
