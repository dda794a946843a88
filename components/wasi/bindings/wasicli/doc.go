// Package wasicli is the Go contract of wasi:cli@0.2.12.
package wasicli

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:cli@0.2.12 -o . -name wasicli -exports run -use wasi:io@0.2.12=latticework/components/wasi/bindings/wasiio
