package wasihttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	contract "latticework/components/wasi/bindings/wasihttp"
)

// broken is a body of some bytes that then fails.
type broken struct {
	io.Reader
	err error
}

func (b *broken) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	return 0, b.err
}

func (b *broken) Close() error { return nil }

// TestFailedBodyNamesTheStatus: a guest that gives up because of the request's
// body does not make the client's failure a server's.
func TestFailedBodyNamesTheStatus(t *testing.T) {
	for name, try := range map[string]struct {
		err  error
		want int
	}{
		"too large": {&http.MaxBytesError{Limit: 4}, http.StatusRequestEntityTooLarge},
		"too slow":  {fmt.Errorf("read: %w", os.ErrDeadlineExceeded), http.StatusRequestTimeout},
		"broken":    {io.ErrUnexpectedEOF, http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			g := &guest{handle: func(ctx context.Context, _ *guest, req contract.IncomingRequest, _ contract.ResponseOutparam) error {
				body, err := req.Consume(ctx)
				if err != nil {
					return err
				}
				in, err := body.Stream(ctx)
				if err != nil {
					return err
				}
				_, _ = readAll(ctx, in)
				return nil // no answer at all
			}}
			exp, err := contract.ResolveIncomingHandler(g)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("POST", "/", nil)
			r.Body, r.ContentLength = &broken{bytes.NewReader([]byte("some")), try.err}, -1
			err = Serve(t.Context(), g, exp, httptest.NewRecorder(), r)
			var served *Error
			if !errors.As(err, &served) || served.Status != try.want {
				t.Errorf("%v, want the status %d", err, try.want)
			}
		})
	}
}
