// Package logging is the Go contract of wasi:logging.
package logging

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:logging@0.1.0-draft -o . -name logging -exports none
