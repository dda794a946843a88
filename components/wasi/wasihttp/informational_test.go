package wasihttp

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"testing"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

func TestInformationalResponses(t *testing.T) {
	url, results := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		early := newFields()
		if err := early.Append(ctx, "link", []byte("</style.css>; rel=preload")); err != nil {
			return err
		}
		if err := out.SendInformational(ctx, http.StatusEarlyHints, early); err != nil {
			return err
		}
		for _, status := range []uint16{99, 101, 200} {
			var f *abi.Failure[contract.ErrorCode]
			if err := out.SendInformational(ctx, status, newFields()); !errors.As(err, &f) || f.Value.Case != contract.ErrorCodeCaseHTTPProtocolError {
				t.Errorf("status %d: %v, want HTTP-protocol-error", status, err)
			}
		}
		resp, err := types.NewOutgoingResponse(ctx, newFields())
		if err != nil {
			return err
		}
		if err := resp.SetStatusCode(ctx, 204); err != nil {
			return err
		}
		if err := set(ctx, out, resp); err != nil {
			return err
		}
		if err := out.SendInformational(ctx, 103, newFields()); !errors.Is(err, errcode.Trap) {
			t.Errorf("after the response: %v, want a trap", err)
		}
		return nil
	})
	var early []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code != http.StatusEarlyHints {
			t.Errorf("informational status %d, want 103", code)
		}
		early = append(early, h.Get("Link"))
		return nil
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 204 || resp.Header.Get("Link") != "" {
		t.Errorf("status %d, link %q; want 204 without a link", resp.StatusCode, resp.Header.Get("Link"))
	}
	if len(early) != 1 || early[0] != "</style.css>; rel=preload" {
		t.Errorf("early hints %q", early)
	}
	if err := <-results; err != nil {
		t.Error(err)
	}
}
