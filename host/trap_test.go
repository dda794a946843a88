package host

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
)

// TestTrapsAreLoggedWithTheirStack: on one line, and not where the caller went
// away.
func TestTrapsAreLoggedWithTheirStack(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("serve: %w", &components.Trap{Function: "run", Reason: "unreachable", Stack: []string{"a (core module 0, function 1)", "b (host)"}}),
			`level=WARN msg=trap component=api function=run error=unreachable stack="a (core module 0, function 1)\nb (host)"` + "\n"},
		{&components.Trap{Function: "run", Reason: "cannot enter"}, ""},
		{&components.Trap{Function: "run", Reason: "gone", Stack: []string{"a"}, Err: context.Canceled}, ""},
		{errcode.New(errcode.Trap, "of another component"), ""},
		{nil, ""},
	} {
		var out bytes.Buffer
		h := &Host{cfg: Config{Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))}}
		comp := &component{host: h, record: &linkstate.Component{Name: "api"}}
		comp.logTrap(c.err)
		if have := strings.TrimPrefix(out.String(), "time= "); have != c.want {
			t.Errorf("%v:\n%q\nwant\n%q", c.err, have, c.want)
		}
	}
}
