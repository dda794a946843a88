package cli

import (
	"context"
	"fmt"

	"latticework/components/wasi/bindings/wasicli"
	"latticework/components/wasi/bindings/wasicli3"
	"latticework/wit/abi"
)

// ExitError is how exit unwinds a guest: the call that was running ends with
// it. It is no failure of the host; a caller finds it with errors.As.
type ExitError struct{ Code uint8 }

// Error implements error.
func (e *ExitError) Error() string { return fmt.Sprintf("exit with code %d", e.Code) }

// Exit implements the interface exit.
type Exit struct{}

var (
	_ wasicli.ExitInterface  = Exit{}
	_ wasicli3.ExitInterface = Exit{}
)

// Exit implements wasi:cli: code 0 for success, 1 for failure.
func (Exit) Exit(_ context.Context, status abi.Result[struct{}, struct{}]) error {
	if status.IsErr {
		return &ExitError{Code: 1}
	}
	return &ExitError{}
}

// ExitWithCode implements wasi:cli.
func (Exit) ExitWithCode(_ context.Context, code uint8) error {
	return &ExitError{Code: code}
}
