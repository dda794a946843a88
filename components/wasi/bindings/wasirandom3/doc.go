// Package wasirandom3 is the Go contract of wasi:random@0.3.0.
package wasirandom3

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:random@0.3.0 -o . -name wasirandom3 -exports none
