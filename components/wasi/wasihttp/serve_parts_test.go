package wasihttp

import (
	"context"
	"io"
	"net/http"
	"testing"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/wit/abi"
)

// TestPartsLeaveUnflushed checks that the head, and then a part of the body that
// is written without a flush, reach the client while the guest waits.
func TestPartsLeaveUnflushed(t *testing.T) {
	headRead, partRead := make(chan struct{}), make(chan struct{})
	url, _ := newServer(t, func(ctx context.Context, _ *guest, _ contract.IncomingRequest, out contract.ResponseOutparam) error {
		resp, _ := types.NewOutgoingResponse(ctx, newFields())
		body, _ := resp.Body(ctx)
		if err := set(ctx, out, resp); err != nil {
			return err
		}
		s, err := body.Write(ctx)
		if err != nil {
			return err
		}
		for _, read := range []chan struct{}{headRead, partRead} {
			select {
			case <-read:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := s.Write(ctx, []byte("part\n")); err != nil {
				return err
			}
		}
		s.Drop(ctx)
		return types.OutgoingBodyFinish(ctx, body, abi.None[contract.Fields]())
	})
	resp, err := http.DefaultClient.Do(newRequest(t, "GET", url, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	close(headRead)
	first := make([]byte, len("part\n"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "part\n" {
		t.Fatalf("first part %q, %v", first, err)
	}
	close(partRead)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "part\n" {
		t.Errorf("second part %q, %v", rest, err)
	}
}
