// Package cli implements wasi:cli: environment, exit, standard streams and
// terminals.
//
// Source: wasi:cli@0.2.12, wasi:cli@0.3.0.
package cli

import (
	"context"

	"latticework/components/wasi/bindings/wasicli"
	"latticework/components/wasi/bindings/wasicli3"
	"latticework/wit/abi"
)

// Environment implements the interface environment.
type Environment struct {
	// Args are the arguments, the program's name first.
	Args []string
	// Env are pairs of name and value.
	Env []abi.Tuple2[string, string]
	// Cwd is the initial working folder as a guest path; "" for none.
	Cwd string
}

var (
	_ wasicli.EnvironmentInterface  = (*Environment)(nil)
	_ wasicli3.EnvironmentInterface = (*Environment)(nil)
)

// GetEnvironment implements wasi:cli.
func (e *Environment) GetEnvironment(context.Context) ([]abi.Tuple2[string, string], error) {
	return e.Env, nil
}

// GetArguments implements wasi:cli.
func (e *Environment) GetArguments(context.Context) ([]string, error) { return e.Args, nil }

// InitialCwd implements wasi:cli.
func (e *Environment) InitialCwd(context.Context) (abi.Option[string], error) {
	if e.Cwd == "" {
		return abi.None[string](), nil
	}
	return abi.Some(e.Cwd), nil
}

// GetInitialCwd implements wasi:cli of WASI 0.3 as InitialCwd.
func (e *Environment) GetInitialCwd(ctx context.Context) (abi.Option[string], error) {
	return e.InitialCwd(ctx)
}
