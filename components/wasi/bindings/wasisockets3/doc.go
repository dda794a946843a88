// Package wasisockets3 is the Go contract of wasi:sockets@0.3.0.
package wasisockets3

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:sockets@0.3.0 -o . -name wasisockets3 -exports none -use wasi:clocks@0.3.0=latticework/components/wasi/bindings/wasiclocks3
