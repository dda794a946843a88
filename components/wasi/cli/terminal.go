package cli

import (
	"context"

	"latticework/components/wasi/bindings/wasicli"
	"latticework/components/wasi/bindings/wasicli3"
	"latticework/wit/abi"
)

// Terminals implements the terminal interfaces. Each field tells whether that
// standard stream is a terminal.
type Terminals struct{ Stdin, Stdout, Stderr bool }

var (
	_ wasicli.TerminalInputInterface  = Terminals{}
	_ wasicli.TerminalOutputInterface = Terminals{}
	_ wasicli.TerminalStdinInterface  = Terminals{}
	_ wasicli.TerminalStdoutInterface = Terminals{}
	_ wasicli.TerminalStderrInterface = Terminals{}
)

// terminal is a terminal-input or a terminal-output: its existence is all
// there is to know.
type terminal struct{}

// Drop implements wasi:cli.
func (terminal) Drop(context.Context) {}

// GetTerminalStdin implements wasi:cli.
func (t Terminals) GetTerminalStdin(context.Context) (abi.Option[wasicli.TerminalInput], error) {
	return abi.Option[wasicli.TerminalInput]{Value: terminal{}, Some: t.Stdin}, nil
}

// GetTerminalStdout implements wasi:cli.
func (t Terminals) GetTerminalStdout(context.Context) (abi.Option[wasicli.TerminalOutput], error) {
	return abi.Option[wasicli.TerminalOutput]{Value: terminal{}, Some: t.Stdout}, nil
}

// GetTerminalStderr implements wasi:cli.
func (t Terminals) GetTerminalStderr(context.Context) (abi.Option[wasicli.TerminalOutput], error) {
	return abi.Option[wasicli.TerminalOutput]{Value: terminal{}, Some: t.Stderr}, nil
}

// Terminals3 implements the terminal interfaces of WASI 0.3, as [Terminals].
type Terminals3 Terminals

var (
	_ wasicli3.TerminalInputInterface  = Terminals3{}
	_ wasicli3.TerminalOutputInterface = Terminals3{}
	_ wasicli3.TerminalStdinInterface  = Terminals3{}
	_ wasicli3.TerminalStdoutInterface = Terminals3{}
	_ wasicli3.TerminalStderrInterface = Terminals3{}
)

// GetTerminalStdin implements wasi:cli.
func (t Terminals3) GetTerminalStdin(context.Context) (abi.Option[wasicli3.TerminalInput], error) {
	return abi.Option[wasicli3.TerminalInput]{Value: terminal{}, Some: t.Stdin}, nil
}

// GetTerminalStdout implements wasi:cli.
func (t Terminals3) GetTerminalStdout(context.Context) (abi.Option[wasicli3.TerminalOutput], error) {
	return abi.Option[wasicli3.TerminalOutput]{Value: terminal{}, Some: t.Stdout}, nil
}

// GetTerminalStderr implements wasi:cli.
func (t Terminals3) GetTerminalStderr(context.Context) (abi.Option[wasicli3.TerminalOutput], error) {
	return abi.Option[wasicli3.TerminalOutput]{Value: terminal{}, Some: t.Stderr}, nil
}
