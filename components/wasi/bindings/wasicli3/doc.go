// Package wasicli3 is the Go contract of wasi:cli@0.3.0.
package wasicli3

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:cli@0.3.0 -o . -name wasicli3 -exports run
