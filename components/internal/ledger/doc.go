// Package ledger is the contract of a component that tests make: its exports
// have resources, maps and error-contexts.
package ledger

//go:generate go run latticework/cmd/lattice-bindgen -wit ../../testdata/ledger -o . -name ledger -imports none
