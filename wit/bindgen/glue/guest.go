package glue

import (
	"context"
	"errors"

	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// IfExported passes on what a Resolve function answered, nil in place of that
// the component has no such export.
func IfExported[T any](exports *T, err error) (*T, error) {
	if errors.Is(err, errcode.NotFound) {
		return nil, nil
	}
	return exports, err
}

// Identity returns what f's component calls the resource that is r in want,
// f's type in a contract; r if want does not have it.
func Identity(f abi.ExportedFunc, want *wit.FuncType, r *wit.Resource) *wit.Resource {
	have := f.Type()
	for i := range want.Params {
		if found := identity(have.Params[i].Type, want.Params[i].Type, r); found != nil {
			return found
		}
	}
	if found := identity(have.Result, want.Result, r); found != nil {
		return found
	}
	return r
}

// identity returns the resource in have that is r in want, nil if there is
// none. The types are the same but for the identity of resources.
func identity(have, want *wit.Type, r *wit.Resource) *wit.Resource {
	if want == nil {
		return nil
	}
	if want.Resource == r {
		return have.Resource
	}
	for i := range want.Fields {
		if found := identity(have.Fields[i].Type, want.Fields[i].Type, r); found != nil {
			return found
		}
	}
	for i := range want.Cases {
		if found := identity(have.Cases[i].Type, want.Cases[i].Type, r); found != nil {
			return found
		}
	}
	if found := identity(have.Elem, want.Elem, r); found != nil {
		return found
	}
	return identity(have.Err, want.Err, r)
}

// Check reports why inst cannot be given v for a handle of resource r, as its
// own or lent.
func Check(inst abi.Invoker, v any, r *wit.Resource, owned bool) error {
	if c, ok := inst.(abi.HandleChecker); ok {
		return c.CheckHandle(v, r, owned)
	}
	return nil
}

// Drop ends the component's resource that v stands for.
//
// Errors: invalid if v stands for none; those of [abi.GuestResource].
func Drop(ctx context.Context, v any) error {
	r := abi.GuestOf(v)
	if r == nil {
		return errcode.New(errcode.Invalid, "drop a %T: it stands for no resource of a component", v)
	}
	return r.End(ctx)
}
