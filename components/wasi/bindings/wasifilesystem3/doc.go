// Package wasifilesystem3 is the Go contract of wasi:filesystem@0.3.0.
package wasifilesystem3

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:filesystem@0.3.0 -o . -name wasifilesystem3 -exports none -prompt types.[method]descriptor.get-flags -use wasi:clocks@0.3.0=latticework/components/wasi/bindings/wasiclocks3
