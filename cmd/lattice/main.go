// Command lattice is the one binary of Latticework: it runs a lattice, a host
// of one, and everything a user asks of them. See `lattice --help`.
package main

import (
	"os"

	"latticework/cmd/lattice/internal/cli"
	"latticework/components"
)

func main() {
	components.ServeCompileChild()
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
