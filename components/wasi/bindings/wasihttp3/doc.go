// Package wasihttp3 is the Go contract of wasi:http@0.3.0.
package wasihttp3

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:http@0.3.0 -o . -name wasihttp3 -exports handler -use wasi:clocks@0.3.0=latticework/components/wasi/bindings/wasiclocks3
