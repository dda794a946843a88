package wasihttp

import (
	"errors"
	"testing"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

func TestOutgoingRequestSetters(t *testing.T) {
	q, _ := types.NewOutgoingRequest(ctx, newFields())
	unit := func(err error) bool {
		var f *abi.Failure[struct{}]
		return errors.As(err, &f)
	}
	for s, ok := range map[string]bool{"": true, "/": true, "/a?b": true, "?b": true, "*": true, "a": false, "/a b": false, "/a#b": false, "/\r\nx": false, "/é": false, "http://a/": false} {
		if err := q.SetPathWithQuery(ctx, abi.Some(s)); unit(err) == ok {
			t.Errorf("set-path-with-query(%q): %v", s, err)
		}
	}
	for s, ok := range map[string]bool{"a": true, "a:80": true, "[::1]:80": true, "1.2.3.4": true, "": false, "a/b": false, "u@a": false, "a b": false, "a:x": false, ":80": false, "a\r\n": false, "a?b": false} {
		if err := q.SetAuthority(ctx, abi.Some(s)); unit(err) == ok {
			t.Errorf("set-authority(%q): %v", s, err)
		}
	}
	for s, ok := range map[string]bool{"PURGE": true, "x-y": true, "": false, "A B": false, "G\n": false} {
		if err := q.SetMethod(ctx, contract.MethodOther(s)); unit(err) == ok {
			t.Errorf("set-method(%q): %v", s, err)
		}
	}
	for s, ok := range map[string]bool{"ws": true, "a+b.c-1": true, "": false, "1a": false, "a:": false} {
		if err := q.SetScheme(ctx, abi.Some(contract.SchemeOther(s))); unit(err) == ok {
			t.Errorf("set-scheme(%q): %v", s, err)
		}
	}
	if err := q.SetAuthority(ctx, abi.None[string]()); err != nil {
		t.Errorf("set-authority(none): %v", err)
	}
	p, _ := types.NewOutgoingResponse(ctx, newFields())
	for status, ok := range map[uint16]bool{99: false, 100: true, 200: true, 999: true, 1000: false} {
		if err := p.SetStatusCode(ctx, status); unit(err) == ok {
			t.Errorf("set-status-code(%d): %v", status, err)
		}
	}
}
