// Package glue is what generated contracts need at run time besides wit/abi:
// resource handles as Go interfaces, error cases, and the type check of a
// component's exports. Only emitted code has reason to import it.
package glue

import (
	"errors"
	"fmt"

	"latticework/wit"
	"latticework/wit/abi"
)

// Failure returns the error case that err carries; ok is false if err is any
// other error, which is a failure of the host.
func Failure[E any](err error) (e E, ok bool) {
	if f, is := err.(*abi.Failure[E]); is { //nolint:errorlint // the common case, without an allocation
		return f.Value, true
	}
	var f *abi.Failure[E]
	if errors.As(err, &f) {
		return f.Value, true
	}
	return e, false
}

// Own reads the own handle at b and returns what it stands for.
func Own[T any](m *abi.Mem, b []byte, r *wit.Resource) T {
	return As[T](m, m.Own(b, r), r)
}

// Borrow reads the borrow handle at b and returns what it stands for.
func Borrow[T any](m *abi.Mem, b []byte, r *wit.Resource) T {
	return As[T](m, m.Borrow(b, r), r)
}

// As returns rep, which m answered for a handle of r, as what it stands for.
func As[T any](m *abi.Mem, rep any, r *wit.Resource) T {
	v, ok := rep.(T)
	if !ok {
		m.Fail(wrongRep(rep, r))
	}
	return v
}

// WireOwn reads an own handle and returns what it stands for.
func WireOwn[T any](w *abi.WireCall, r *wit.Resource) T {
	rep := w.Own(r)
	v, ok := rep.(T)
	if !ok {
		w.In.Fail(wrongRep(rep, r))
	}
	return v
}

// WireBorrow reads a borrow handle and returns what it stands for.
func WireBorrow[T any](w *abi.WireCall, r *wit.Resource) T {
	rep := w.Borrow(r)
	v, ok := rep.(T)
	if !ok {
		w.In.Fail(wrongRep(rep, r))
	}
	return v
}

// wrongRep is the error of a handle that stands for a Go value of another
// contract. Mem and Decoder keep their first error, so that it counts only if
// the handle itself was good.
func wrongRep(rep any, r *wit.Resource) error {
	return fmt.Errorf("resource %s of %s: a %T does not implement its contract", r.Name, r.Interface, rep)
}

// Nothing lowers no parameters, or lifts no result.
func Nothing(*abi.Call) error { return nil }

// Resolve finds function name of interface iface among the exports of x.
//
// Errors: those of x, and one that names the function if its type is not want.
func Resolve(x abi.Exporter, iface, name string, want *wit.FuncType) (abi.ExportedFunc, error) {
	f, err := x.Export(iface, name)
	if err != nil {
		return nil, err
	}
	if !sameFunc(f.Type(), want) {
		return nil, fmt.Errorf("resolve export %s of %s: its type differs from the contract's", name, iface)
	}
	return f, nil
}

func sameFunc(a, b *wit.FuncType) bool {
	if a == nil || len(a.Params) != len(b.Params) || a.Async != b.Async {
		return false
	}
	for i := range a.Params {
		if !sameType(a.Params[i].Type, b.Params[i].Type) {
			return false
		}
	}
	return sameType(a.Result, b.Result)
}

// sameType compares as wit.Equal does, but resources by name: a component's
// own view of a resource that it imports is another identity than the host's.
func sameType(a, b *wit.Type) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Kind != b.Kind || a.Len != b.Len ||
		len(a.Fields) != len(b.Fields) || len(a.Cases) != len(b.Cases) || len(a.Flags) != len(b.Flags) {
		return false
	}
	for i := range a.Fields {
		if a.Fields[i].Name != b.Fields[i].Name || !sameType(a.Fields[i].Type, b.Fields[i].Type) {
			return false
		}
	}
	for i := range a.Cases {
		if a.Cases[i].Name != b.Cases[i].Name || !sameType(a.Cases[i].Type, b.Cases[i].Type) {
			return false
		}
	}
	for i := range a.Flags {
		if a.Flags[i] != b.Flags[i] {
			return false
		}
	}
	if (a.Resource == nil) != (b.Resource == nil) {
		return false
	}
	if a.Resource != nil && a.Resource.Name != "" && a.Resource.Name != b.Resource.Name {
		return false
	}
	return sameType(a.Elem, b.Elem) && sameType(a.Err, b.Err) && sameType(a.Key, b.Key)
}
