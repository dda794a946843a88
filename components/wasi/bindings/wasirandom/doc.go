// Package wasirandom is the Go contract of wasi:random@0.2.12.
package wasirandom

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:random@0.2.12 -o . -name wasirandom -exports none
