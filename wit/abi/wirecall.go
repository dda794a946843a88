package abi

import "latticework/wit"

// Own reads an own handle of type r and returns what it stands for; nil after
// a failure, which w.In keeps.
func (w *WireCall) Own(r *wit.Resource) any {
	if w.Handles == nil {
		return w.In.Own(r)
	}
	i := w.In.U32()
	if w.In.Err() != nil {
		return nil
	}
	rep, err := w.Handles.LiftOwn(i, r)
	if err != nil {
		w.In.Fail(err)
		return nil
	}
	return rep
}

// Borrow reads a borrow handle of type r and returns what it stands for; nil
// after a failure, which w.In keeps.
func (w *WireCall) Borrow(r *wit.Resource) any {
	if w.Handles == nil {
		return w.In.Borrow(r)
	}
	i := w.In.U32()
	if w.In.Err() != nil {
		return nil
	}
	rep, err := w.Handles.LiftBorrow(i, r)
	if err != nil {
		w.In.Fail(err)
		return nil
	}
	return rep
}

// PutOwn writes an own handle of type r for rep; w.Out keeps a failure.
func (w *WireCall) PutOwn(rep any, r *wit.Resource) {
	if w.Handles == nil {
		w.Out.PutOwn(rep, r)
		return
	}
	i, err := w.Handles.LowerOwn(rep, r)
	if err != nil {
		w.Out.Fail(err)
	}
	w.Out.PutU32(i)
}

// PutBorrow writes a borrow handle of type r for rep; w.Out keeps a failure.
func (w *WireCall) PutBorrow(rep any, r *wit.Resource) {
	if w.Handles == nil {
		w.Out.PutBorrow(rep, r)
		return
	}
	i, err := w.Handles.LowerBorrow(rep, r)
	if err != nil {
		w.Out.Fail(err)
	}
	w.Out.PutU32(i)
}
