package components

import (
	"errors"
	"fmt"
	"time"

	"latticework/components/internal/corewasm"
	"latticework/components/internal/memory"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Limits bound what one instance may use. The zero value of a field means its
// default.
type Limits struct {
	// MemoryBytes bounds the linear memories of an instance together; 0 means
	// the bound of a single one, the engine's or that of [Engine.CompileWithin].
	MemoryBytes uint64
	// Handles bounds the resource handles that are open at once; 0 means
	// 65,536.
	Handles int
	// ValueBytes bounds the bytes of strings and lists that a call takes from
	// the guest; 0 means 32 MiB.
	ValueBytes uint64
	// StackBytes bounds the stacks of calls inside one another, with the copies
	// that try blocks make of them, a kilobyte for each such block besides, and
	// exceptions; 0 means 8 MiB.
	// Tasks that wait for each other's or the host's answers may hold four
	// times as much together.
	StackBytes uint64
	// Threads bounds the calls of async functions and the threads that are
	// under way at once; 0 means 1,000.
	Threads int
	// Fuel bounds a call's instructions, about; loads, stores and calls count for
	// several. 0 means that time alone bounds it.
	Fuel uint64
	// Time bounds a call; 0 leaves it to the context. The context that functions
	// of the host are given ends with it, and with the call.
	Time time.Duration
}

// Validate reports everything that is wrong with l.
func (l Limits) Validate() error {
	var errs []error
	for _, v := range [...]struct {
		what string
		n    int64
	}{{"handles", int64(l.Handles)}, {"threads", int64(l.Threads)}, {"time in ns", int64(l.Time)}} {
		if v.n < 0 {
			errs = append(errs, errcode.New(errcode.Invalid, "limit of %s: %d < 0", v.what, v.n))
		}
	}
	return errors.Join(errs...)
}

// Limit names a field of [Limits]. It is in the chain of the errors that say that
// a guest went beyond that limit, see [LimitOf].
type Limit string

// The limits that end a call, but for memory: a guest that asks for more is told
// so itself, and one that cannot begin with less is not made, or compiled.
const (
	LimitMemory     Limit = "memory"
	LimitHandles    Limit = "handles"
	LimitValueBytes Limit = "value_bytes"
	LimitStackBytes Limit = "stack_bytes"
	LimitThreads    Limit = "threads"
	LimitFuel       Limit = "fuel"
)

// Error returns the limit's name.
func (l Limit) Error() string { return "limit " + string(l) }

// LimitOf returns the limit that err, of this package, says was exceeded.
func LimitOf(err error) (Limit, bool) {
	switch {
	case errors.Is(err, abi.ErrMaxMoved):
		return LimitValueBytes, true
	case errors.Is(err, memory.ErrBudget), errors.Is(err, corewasm.ErrMemoryPages):
		return LimitMemory, true
	}
	var l Limit
	return l, errors.As(err, &l)
}

// exceeded is the error of a call that went beyond limit l of what.
func exceeded(l Limit, what string, used, allowed uint64) error {
	return &errcode.Error{Code: errcode.Exhausted, Msg: fmt.Sprintf("%s: %d > %d", what, used, allowed), Err: l}
}
