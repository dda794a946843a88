package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"latticework/internal/errcode"
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errcode.New(errcode.Unavailable, "interrupted")

// errorJSON is how an error is printed with -o json.
type errorJSON struct {
	Error struct {
		Code    errcode.Code `json:"code"`
		Message string       `json:"message"`
		Next    string       `json:"next,omitempty"`
	} `json:"error"`
}

// fail prints err to standard error and returns the exit status.
func (a *app) fail(cmd *cobra.Command, args []string, err error) int {
	var guest exitCode
	if errors.As(err, &guest) {
		return int(guest)
	}
	code := errcode.Of(err)
	if a.json() || wantsJSON(args) {
		var out errorJSON
		out.Error.Code, out.Error.Message, out.Error.Next = code, err.Error(), errcode.NextOf(err)
		data, merr := json.Marshal(out)
		if merr == nil {
			_, _ = fmt.Fprintf(a.Err, "%s\n", data)
		}
		return code.ExitStatus()
	}
	_, _ = fmt.Fprintf(a.Err, "lattice: %s\n", err)
	if next := errcode.NextOf(err); next != "" {
		_, _ = fmt.Fprintf(a.Err, "next: %s\n", next)
	}
	return code.ExitStatus()
}

// wantsJSON looks for -o json where the flags could not be read.
func wantsJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	for i, arg := range args {
		switch arg {
		case "-ojson", "-o=json", "--output=json":
			return true
		case "-o", "--output":
			return i+1 < len(args) && args[i+1] == "json"
		}
	}
	return false
}

// print writes v as JSON on one line, or what text writes.
func (a *app) print(v any, text func(w io.Writer)) error {
	if !a.json() {
		b := &strings.Builder{}
		text(b)
		return a.write(b.String())
	}
	data, err := json.Marshal(v)
	if err != nil {
		return errcode.New(errcode.Internal, "encode output: %w", err)
	}
	return a.write(string(data) + "\n")
}

func (a *app) write(text string) error {
	if _, err := io.WriteString(a.Out, text); err != nil {
		return errcode.New(errcode.Unavailable, "write output: %w", err)
	}
	return nil
}

// table writes rows in aligned columns. A row with too few cells is filled
// with nothing.
func table(w io.Writer, head []string, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells []string) {
		for i, c := range cells {
			if c == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	line(head)
	for _, r := range rows {
		line(r)
	}
	_ = tw.Flush() // into memory
}

// oneLine cuts what does not fit into a table.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 120 {
		return string(r[:117]) + "..."
	}
	return s
}
