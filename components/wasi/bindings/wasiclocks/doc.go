// Package wasiclocks is the Go contract of wasi:clocks@0.2.12.
package wasiclocks

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:clocks@0.2.12 -features clocks-timezone -o . -name wasiclocks -exports none -use wasi:io@0.2.12=latticework/components/wasi/bindings/wasiio
