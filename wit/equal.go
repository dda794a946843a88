package wit

import "slices"

// Equal reports whether a and b are the same type: the same structure with
// the same names of fields, cases and flags, and the same resources by
// identity. The names of the definitions do not count. Two nil types are
// equal.
func Equal(a, b *Type) bool {
	var c comparison
	return c.types(a, b)
}

// EqualFunc reports whether a and b are the same function type; the names of
// parameters count.
func EqualFunc(a, b *FuncType) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Async != b.Async {
		return false
	}
	var c comparison
	return slices.EqualFunc(a.Params, b.Params, func(x, y Param) bool { return x.Name == y.Name && c.types(x.Type, y.Type) }) &&
		c.types(a.Result, b.Result)
}

// comparison compares types. A type may mention another one many times, and
// so on: from a certain number of steps on, pairs found equal are remembered,
// so that the time stays in proportion to the number of types.
type comparison struct {
	steps int
	equal map[[2]*Type]bool
}

// stepsBeforeMemory is how far a comparison goes without remembering.
const stepsBeforeMemory = 64

func (c *comparison) types(a, b *Type) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Kind != b.Kind || a.Len != b.Len || a.Resource != b.Resource {
		return false
	}
	if isPrimitive(a.Kind) {
		return true
	}
	c.steps++
	remember := c.steps > stepsBeforeMemory
	if remember && c.equal[[2]*Type{a, b}] {
		return true
	}
	same := slices.EqualFunc(a.Fields, b.Fields, func(x, y Field) bool { return x.Name == y.Name && c.types(x.Type, y.Type) }) &&
		slices.EqualFunc(a.Cases, b.Cases, func(x, y Case) bool { return x.Name == y.Name && c.types(x.Type, y.Type) }) &&
		slices.Equal(a.Flags, b.Flags) &&
		c.types(a.Elem, b.Elem) && c.types(a.Err, b.Err) && c.types(a.Key, b.Key)
	if same && remember {
		if c.equal == nil {
			c.equal = map[[2]*Type]bool{}
		}
		c.equal[[2]*Type{a, b}] = true
	}
	return same
}
