package value

// Equal reports whether a and b are the same value: a [Bytes] equals the
// [List] of the same [U8], every NaN equals every other, and handles are
// compared by rep, which must be comparable, and ownership.
func Equal(a, b Value) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case F32:
		b, ok := b.(F32)
		return ok && (a == b || a != a && b != b)
	case F64:
		b, ok := b.(F64)
		return ok && (a == b || a != a && b != b)
	case Bytes:
		return equalBytes(a, b)
	case List:
		if b, ok := b.(Bytes); ok {
			return equalBytes(b, a)
		}
		b, ok := b.(List)
		return ok && equalAll(a, b)
	case Record:
		b, ok := b.(Record)
		return ok && equalAll(a, b)
	case Tuple:
		b, ok := b.(Tuple)
		return ok && equalAll(a, b)
	case Variant:
		b, ok := b.(Variant)
		return ok && a.Case == b.Case && Equal(a.Payload, b.Payload)
	case Option:
		b, ok := b.(Option)
		return ok && Equal(a.Value, b.Value)
	case Result:
		b, ok := b.(Result)
		return ok && a.IsErr == b.IsErr && Equal(a.Value, b.Value)
	case Flags:
		b, ok := b.(Flags)
		return ok && equalFlags(a, b)
	case Handle:
		b, ok := b.(Handle)
		return ok && a.Owned == b.Owned && a.Rep == b.Rep
	case Async:
		b, ok := b.(Async)
		return ok && a.Rep == b.Rep
	case Bool, S8, U8, S16, U16, S32, U32, S64, U64, Char, String, Enum:
		switch b.(type) { // comparing a Flags or a List with == would panic
		case Bool, S8, U8, S16, U16, S32, U32, S64, U64, Char, String, Enum:
			return a == b
		}
	}
	return false
}

func equalAll(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalBytes(a Bytes, b Value) bool {
	switch b := b.(type) {
	case Bytes:
		return string(a) == string(b)
	case List:
		if len(a) != len(b) {
			return false
		}
		for i, x := range b {
			if u, ok := x.(U8); !ok || byte(u) != a[i] {
				return false
			}
		}
		return true
	}
	return false
}

func equalFlags(a, b Flags) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	for i, w := range a {
		var other uint32
		if i < len(b) {
			other = b[i]
		}
		if w != other {
			return false
		}
	}
	return true
}
