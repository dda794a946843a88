// Command testreport reads `go test -json` from standard input, prints a line a
// package, the output of what failed and the reason of each skip, and ends with
// counts. It exits 1 if anything failed or nothing ran.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	suites := flag.Bool("suites", false, "end with a line a suite: NAME: N passed, N failed, N skipped")
	flag.Parse()
	os.Exit(run(os.Stdin, os.Stdout, *suites))
}

// run copies the report of in to out and returns the exit status.
func run(in io.Reader, out io.Writer, suites bool) int {
	r := newReport(out)
	if err := r.read(in); err != nil {
		fmt.Fprintf(out, "testreport: %v\n", err)
		return 1
	}
	r.finish(suites)
	if r.failed() {
		return 1
	}
	return 0
}
