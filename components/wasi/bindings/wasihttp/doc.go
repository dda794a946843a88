// Package wasihttp is the Go contract of wasi:http@0.2.12.
package wasihttp

//go:generate go run latticework/cmd/lattice-bindgen -package wasi:http@0.2.12 -features informational-outbound-responses -o . -name wasihttp -exports incoming-handler -use wasi:io@0.2.12=latticework/components/wasi/bindings/wasiio -use wasi:clocks@0.2.12=latticework/components/wasi/bindings/wasiclocks
