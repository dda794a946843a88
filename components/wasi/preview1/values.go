package preview1

import (
	"math"
	"strconv"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// typeNames are the types that calls from outside can pass.
var typeNames = map[abi.CoreType]string{abi.I32: "i32", abi.I64: "i64", abi.F32: "f32", abi.F64: "f64"}

// check refuses functions that pass vectors or references.
func check(f components.CoreFunc) error {
	for _, list := range [2][]abi.CoreType{f.Params, f.Results} {
		for _, t := range list {
			if typeNames[t] == "" {
				return errcode.New(errcode.Unsupported, "call %s: it passes vectors or references", f.Name)
			}
		}
	}
	return nil
}

// lower turns arguments into core values.
func lower(f components.CoreFunc, args []value.Value) ([]uint64, error) {
	if err := check(f); err != nil {
		return nil, err
	}
	if len(args) != len(f.Params) {
		return nil, errcode.New(errcode.Invalid, "call %s: %d arguments, want %d", f.Name, len(args), len(f.Params))
	}
	flat := make([]uint64, len(args))
	for i, a := range args {
		v, t := lowerValue(a)
		if t != f.Params[i] {
			return nil, errcode.New(errcode.Invalid, "call %s: argument %d is a %T, want %s", f.Name, i, a, typeNames[f.Params[i]])
		}
		flat[i] = v
	}
	return flat, nil
}

// lowerValue returns a value and its core type, 0 for what has none.
func lowerValue(v value.Value) (uint64, abi.CoreType) {
	switch v := v.(type) {
	case value.S32:
		return uint64(uint32(v)), abi.I32
	case value.U32:
		return uint64(v), abi.I32
	case value.S64:
		return uint64(v), abi.I64
	case value.U64:
		return uint64(v), abi.I64
	case value.F32:
		return uint64(math.Float32bits(float32(v))), abi.F32
	case value.F64:
		return math.Float64bits(float64(v)), abi.F64
	}
	return 0, 0
}

// lift turns core values into values.
func lift(f components.CoreFunc, flat []uint64) []value.Value {
	out := make([]value.Value, len(flat))
	for i, v := range flat {
		switch f.Results[i] {
		case abi.I32:
			out[i] = value.S32(int32(v))
		case abi.I64:
			out[i] = value.S64(v)
		case abi.F32:
			out[i] = value.F32(math.Float32frombits(uint32(v)))
		default:
			out[i] = value.F64(math.Float64frombits(v))
		}
	}
	return out
}

// ParseArgs reads arguments for the exported function name from text, one
// number each: integers in Go's notation, with or without a sign, floats
// likewise.
//
// Errors:
//   - not_found if there is no such function, unsupported if it passes vectors
//     or references.
//   - invalid for another number of arguments, or one that is no number or does
//     not fit.
func (m *Module) ParseArgs(name string, args []string) ([]value.Value, error) {
	f, err := m.export(name)
	if err != nil {
		return nil, err
	}
	if err := check(f); err != nil {
		return nil, err
	}
	if len(args) != len(f.Params) {
		return nil, errcode.New(errcode.Invalid, "call %s: %d arguments, want %d", name, len(args), len(f.Params))
	}
	out := make([]value.Value, len(args))
	for i, a := range args {
		v, err := parseArg(f.Params[i], a)
		if err != nil {
			return nil, errcode.New(errcode.Invalid, "call %s: argument %d, of type %s: %w", name, i, typeNames[f.Params[i]], err)
		}
		out[i] = v
	}
	return out, nil
}

func parseArg(t abi.CoreType, text string) (value.Value, error) {
	switch t {
	case abi.F32:
		v, err := strconv.ParseFloat(text, 32)
		return value.F32(v), err
	case abi.F64:
		v, err := strconv.ParseFloat(text, 64)
		return value.F64(v), err
	}
	bits := 64
	if t == abi.I32 {
		bits = 32
	}
	v, err := strconv.ParseInt(text, 0, bits)
	if err != nil {
		u, uerr := strconv.ParseUint(text, 0, bits)
		if uerr != nil {
			return nil, err
		}
		v = int64(u)
	}
	if t == abi.I32 {
		return value.S32(int32(v)), nil
	}
	return value.S64(v), nil
}
