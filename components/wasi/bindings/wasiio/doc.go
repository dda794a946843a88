// Package wasiio is the Go contract of wasi:io@0.2.12. The bytes given to an
// output stream are the guest's own memory: an implementation copies what it
// keeps.
package wasiio

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:io@0.2.12 -o . -name wasiio -exports none -views streams.[method]output-stream.write,streams.[method]output-stream.blocking-write-and-flush
