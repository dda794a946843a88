package abi

import (
	"latticework/internal/errcode"
	"latticework/wit"
)

// Direction tells the two sides of a call apart.
type Direction uint8

// The directions: a component's export is lifted, its import is lowered.
const (
	Lift Direction = iota
	Lower
)

// FlatSig is a core function's signature and how values go through it.
type FlatSig struct {
	Params  []CoreType
	Results []CoreType
	// ParamsIndirect: the parameters are a record in memory, and the first
	// core parameter is its address.
	ParamsIndirect bool
	// ResultIndirect: the result is in memory. A lifted function returns its
	// address; a lowered one takes the address as its last parameter.
	ResultIndirect bool
}

// FuncCodec is what a call of a function of one type needs, compiled once. It
// is immutable and safe for concurrent use.
type FuncCodec struct {
	Type *wit.FuncType
	// Params is the codec of the parameters as a record, which may be empty.
	Params *Codec
	// Result is the codec of the result, nil without one.
	Result *Codec
	// Lift and Lower are the signatures of the synchronous ABI.
	Lift, Lower FlatSig
	// LiftAsync is the asynchronous ABI's without a callback: the result
	// comes through task.return. LiftCallback is the one with a callback.
	LiftAsync, LiftCallback, LowerAsync FlatSig
	// FirstHandle is the offset in the record of parameters of the first
	// one that is an own or borrow handle; -1 if none is.
	FirstHandle int
}

// CompileFunc returns ft's codec; it fails as CompileType does.
func CompileFunc(ft *wit.FuncType) (*FuncCodec, error) {
	if ft == nil {
		return nil, errcode.New(errcode.Invalid, "compile function: no type")
	}
	f := &FuncCodec{Type: ft, FirstHandle: -1}
	k := newCompiler()
	rec := &wit.Type{Kind: wit.KindRecord, Fields: make([]wit.Field, len(ft.Params))}
	for i, p := range ft.Params {
		rec.Fields[i] = wit.Field(p)
	}
	f.Params = &Codec{t: rec, kind: wit.KindRecord}
	if err := k.record(f.Params, 0); err != nil {
		return nil, err
	}
	if ft.Result != nil {
		var err error
		if f.Result, err = k.compile(ft.Result, 0); err != nil {
			return nil, err
		}
	}
	for _, p := range f.Params.fields {
		if p.c.kind == wit.KindOwn || p.c.kind == wit.KindBorrow {
			f.FirstHandle = int(p.off)
			break
		}
	}
	f.flatten()
	return f, nil
}

// FlatFunc returns the signature of the core function that a function of type
// ft is lifted from or lowered to. For an asynchronous lift it is that
// without a callback; with one it has an i32 result more.
func FlatFunc(ft *wit.FuncType, dir Direction, async bool) (FlatSig, error) {
	f, err := CompileFunc(ft)
	switch {
	case err != nil:
		return FlatSig{}, err
	case dir == Lift && async:
		return f.LiftAsync, nil
	case dir == Lift:
		return f.Lift, nil
	case async:
		return f.LowerAsync, nil
	}
	return f.Lower, nil
}

// flatten computes the signatures.
func (f *FuncCodec) flatten() {
	addr := []CoreType{I32}
	params := func(limit int) ([]CoreType, bool) {
		if f.Params.flatN > limit {
			return addr, true
		}
		return f.Params.flat, false
	}
	var result []CoreType
	resultN := 0
	if f.Result != nil {
		result, resultN = f.Result.flat, f.Result.flatN
	}

	s := FlatSig{Results: result, ResultIndirect: resultN > MaxFlatResults}
	s.Params, s.ParamsIndirect = params(MaxFlatParams)
	f.LiftAsync = FlatSig{Params: s.Params, ParamsIndirect: s.ParamsIndirect}
	f.LiftCallback = f.LiftAsync
	f.LiftCallback.Results = []CoreType{I32}
	f.Lift, f.Lower = s, s
	if s.ResultIndirect {
		f.Lift.Results = addr
		f.Lower.Results = nil
		f.Lower.Params = append(append([]CoreType(nil), s.Params...), I32)
	}

	f.LowerAsync = FlatSig{Results: []CoreType{I32}, ResultIndirect: resultN > 0}
	f.LowerAsync.Params, f.LowerAsync.ParamsIndirect = params(MaxFlatAsyncParams)
	if resultN > 0 {
		f.LowerAsync.Params = append(append([]CoreType(nil), f.LowerAsync.Params...), I32)
	}
}
