package wasi_test

import (
	"context"
	"errors"
	"net/http"

	"latticework/components"
	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/wasihttp"
	"latticework/components/wasi/wasihttp3"
	"latticework/wit/abi"
)

// http3Interfaces are the interfaces of wasi:http that a program gets. Only
// those that propose http may send requests.
func (p *program) http3Interfaces() []*abi.Interface {
	if !p.spec.proposes("http") {
		return wasihttp3.Interfaces(nil)
	}
	transport := &http.Transport{DisableCompression: true}
	p.cleanup = append(p.cleanup, transport.CloseIdleConnections)
	return wasihttp3.Interfaces(&wasihttp.Outgoing{
		Transport: transport, Allow: func(context.Context, *http.Request) error { return nil },
	})
}

// http3Service serves requests with a program, each with a fresh instance.
type http3Service struct {
	tmpl    *components.Template
	exports *contract.HandlerExports
	failed  chan error // the first failure
}

func newHTTP3Service(tmpl *components.Template) (*http3Service, error) {
	exports, err := contract.ResolveHandler(tmpl)
	return &http3Service{tmpl, exports, make(chan error, 1)}, err
}

// ServeHTTP answers as the program does.
func (s *http3Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, err := s.tmpl.Acquire(r.Context())
	if err == nil {
		err = wasihttp3.Serve(r.Context(), in, s.exports, w, r)
		in.Release(r.Context())
	}
	if err == nil {
		return
	}
	select {
	case s.failed <- err:
	default:
	}
	var served *wasihttp.Error
	if errors.As(err, &served) && served.HeadSent {
		panic(http.ErrAbortHandler)
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// failure returns the first failure, nil for none.
func (s *http3Service) failure() error {
	select {
	case err := <-s.failed:
		return err
	default:
		return nil
	}
}
