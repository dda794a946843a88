package abi

import "fmt"

// Result is a WIT result in Go where it is not a function's whole result. A
// side without a type is struct{}.
type Result[T, E any] struct {
	Ok    T
	Err   E
	IsErr bool
}

// Failure is the error case of a function's result: the error a contract's
// method returns for it. Every other error is a failure of the call itself.
type Failure[E any] struct{ Value E }

// Error describes the failure for logs.
func (f *Failure[E]) Error() string { return fmt.Sprintf("failed: %v", f.Value) }

// Fail returns e as an error, see [Failure].
func Fail[E any](e E) error { return &Failure[E]{Value: e} }
