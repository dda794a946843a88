package validate

import (
	"strings"

	"latticework/components/internal/binary"
)

// Numbers of values that are passed flat before memory is used.
const (
	maxFlatParams      = 16
	maxFlatAsyncParams = 4
	maxFlatResults     = 1
)

// flatten appends the core types that a value of type t is passed as, in a
// component with 32-bit memories. Beyond maxFlatParams it only makes sure that
// the result is longer than that.
func flatten(out []byte, t *Type) []byte {
	if len(out) > maxFlatParams {
		return out
	}
	switch t.Kind {
	case KindPrim:
		switch t.Prim {
		case binary.PrimS64, binary.PrimU64:
			return append(out, binary.CoreI64)
		case binary.PrimF32:
			return append(out, binary.CoreF32)
		case binary.PrimF64:
			return append(out, binary.CoreF64)
		case binary.PrimString:
			return append(out, binary.CoreI32, binary.CoreI32)
		}
	case KindList, KindMap:
		return append(out, binary.CoreI32, binary.CoreI32)
	case KindFixedList:
		for i := uint32(0); i < t.Len && len(out) <= maxFlatParams; i++ {
			out = flatten(out, t.Elem)
		}
		return out
	case KindRecord, KindTuple:
		for _, f := range t.Fields {
			out = flatten(out, f.Type)
		}
		return out
	case KindVariant:
		start := len(out)
		out = append(out, binary.CoreI32)
		for _, f := range t.Fields {
			out = joinCase(out, start+1, f.Type)
		}
		return out
	case KindOption:
		return joinCase(append(out, binary.CoreI32), len(out)+1, t.Elem)
	case KindResult:
		start := len(out) + 1
		return joinCase(joinCase(append(out, binary.CoreI32), start, t.Elem), start, t.Err)
	}
	return append(out, binary.CoreI32)
}

// joinCase merges a case's payload into the flat values from start on.
func joinCase(out []byte, start int, t *Type) []byte {
	if t == nil || len(out) > maxFlatParams {
		return out
	}
	for i, c := range flatten(nil, t) {
		if start+i < len(out) {
			out[start+i] = join(out[start+i], c)
		} else {
			out = append(out, c)
		}
	}
	return out
}

func join(a, b byte) byte {
	switch {
	case a == b:
		return a
	case a == binary.CoreI32 && b == binary.CoreF32, a == binary.CoreF32 && b == binary.CoreI32:
		return binary.CoreI32
	}
	return binary.CoreI64
}

func flatParams(f *Type) (out []byte) {
	for _, p := range f.Fields {
		out = flatten(out, p.Type)
	}
	return out
}

func flatResult(t *Type) []byte {
	if t == nil {
		return nil
	}
	return flatten(nil, t)
}

// signature is a core function type, and which values went to memory.
type signature struct {
	params, results          []byte
	paramsSpill, resultSpill bool
}

var pointer = []byte{binary.CoreI32}

// flatLift returns the core signature that a lifted function of type f must
// have.
func flatLift(f *Type, async, callback bool) signature {
	s := signature{params: flatParams(f), results: flatResult(f.Elem)}
	if len(s.params) > maxFlatParams {
		s.params, s.paramsSpill = pointer, true
	}
	switch {
	case async:
		s.resultSpill = len(s.results) > maxFlatParams // of task.return
		if s.results = nil; callback {
			s.results = []byte{binary.CoreI32}
		}
	case len(s.results) > maxFlatResults:
		s.results, s.resultSpill = pointer, true
	}
	return s
}

// flatLower returns the core signature that f has when lowered.
func flatLower(f *Type, async bool) signature {
	s := signature{params: flatParams(f), results: flatResult(f.Elem)}
	most, mostResults := maxFlatParams, maxFlatResults
	if async {
		most, mostResults = maxFlatAsyncParams, 0
	}
	if len(s.params) > most {
		s.params, s.paramsSpill = pointer, true
	}
	if len(s.results) > mostResults {
		s.params, s.results, s.resultSpill = append(s.params[:len(s.params):len(s.params)], binary.CoreI32), nil, true
	}
	if async {
		s.results = []byte{binary.CoreI32}
	}
	return s
}

// codesText writes core types as in "[I32, F64]".
func codesText(codes []byte) string {
	parts := make([]string, len(codes))
	for i, c := range codes {
		parts[i] = strings.ToUpper(coreNames[c])
		if parts[i] == "" {
			parts[i] = "Ref"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
