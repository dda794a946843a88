// Package rc1 is the Go contract of wasi:config@0.2.0-rc.1.
package rc1

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:config@0.2.0-rc.1 -o . -name rc1 -exports none
