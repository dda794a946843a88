// Package keyvalue is the Go contract of the capability wasi:keyvalue, which
// the technologies in its subfolders implement.
package keyvalue

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:keyvalue@0.2.0-draft -o . -name keyvalue -exports watcher
