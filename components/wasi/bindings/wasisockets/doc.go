// Package wasisockets is the Go contract of wasi:sockets@0.2.12.
package wasisockets

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:sockets@0.2.12 -features network-error-code -o . -name wasisockets -exports none -use wasi:io@0.2.12=latticework/components/wasi/bindings/wasiio -use wasi:clocks@0.2.12=latticework/components/wasi/bindings/wasiclocks
