package wit

import "slices"

// Equal reports whether a and b are the same type: the same structure with
// the same names of fields, cases and flags, and the same resources by
// identity. The names of the definitions do not count. Two nil types are
// equal.
func Equal(a, b *Type) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Kind != b.Kind || a.Len != b.Len || a.Resource != b.Resource {
		return false
	}
	return slices.EqualFunc(a.Fields, b.Fields, func(x, y Field) bool { return x.Name == y.Name && Equal(x.Type, y.Type) }) &&
		slices.EqualFunc(a.Cases, b.Cases, func(x, y Case) bool { return x.Name == y.Name && Equal(x.Type, y.Type) }) &&
		slices.Equal(a.Flags, b.Flags) &&
		Equal(a.Elem, b.Elem) && Equal(a.Err, b.Err) && Equal(a.Key, b.Key)
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
	return slices.EqualFunc(a.Params, b.Params, func(x, y Param) bool { return x.Name == y.Name && Equal(x.Type, y.Type) }) &&
		Equal(a.Result, b.Result)
}
