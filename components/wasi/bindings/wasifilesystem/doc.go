// Package wasifilesystem is the Go contract of wasi:filesystem@0.2.12.
package wasifilesystem

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:filesystem@0.2.12 -o . -name wasifilesystem -exports none -use wasi:io@0.2.12=latticework/components/wasi/bindings/wasiio -use wasi:clocks@0.2.12=latticework/components/wasi/bindings/wasiclocks
