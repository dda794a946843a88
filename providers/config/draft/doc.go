// Package draft is the Go contract of wasi:config@0.2.0-draft.
package draft

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:config@0.2.0-draft -o . -name draft -exports none
