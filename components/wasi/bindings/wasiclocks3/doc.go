// Package wasiclocks3 is the Go contract of wasi:clocks@0.3.0.
package wasiclocks3

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:clocks@0.3.0 -features clocks-timezone -o . -name wasiclocks3 -exports none
