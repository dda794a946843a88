package cli

import (
	"context"

	"latticework/components/wasi/bindings/wasicli"
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
