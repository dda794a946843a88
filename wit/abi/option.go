package abi

// Option is a WIT option in Go.
type Option[T any] struct {
	Value T
	Some  bool
}

// Some returns an option that holds v.
func Some[T any](v T) Option[T] { return Option[T]{Value: v, Some: true} }

// None returns an option that holds nothing.
func None[T any]() Option[T] { return Option[T]{} }

// Get returns the value and whether there is one.
func (o Option[T]) Get() (T, bool) { return o.Value, o.Some }

// Or returns the value, or v without one.
func (o Option[T]) Or(v T) T {
	if o.Some {
		return o.Value
	}
	return v
}
