package wasi_test

import (
	"context"
	"errors"
	"net/http"
	"sync"

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
	work    sync.WaitGroup
}

func newHTTP3Service(tmpl *components.Template) (*http3Service, error) {
	exports, err := contract.ResolveHandler(tmpl)
	return &http3Service{tmpl: tmpl, exports: exports, failed: make(chan error, 1)}, err
}

// ServeHTTP answers as the program does, and lets it go on when it answered.
func (s *http3Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, left := context.WithCancelCause(context.WithoutCancel(r.Context()))
	follow := context.AfterFunc(r.Context(), func() { left(context.Cause(r.Context())) })
	in, err := s.tmpl.Acquire(ctx)
	if err == nil {
		err = wasihttp3.Serve(ctx, in, s.exports, w, r, func() { follow() })
		s.work.Go(func() {
			s.note(in.Drive(ctx, nil))
			in.Release(ctx)
			left(nil)
		})
	}
	if err == nil {
		return
	}
	s.note(err)
	var served *wasihttp.Error
	if errors.As(err, &served) && served.HeadSent {
		panic(http.ErrAbortHandler)
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// note keeps the first failure.
func (s *http3Service) note(err error) {
	if err == nil {
		return
	}
	select {
	case s.failed <- err:
	default:
	}
}

// failure waits until the program has nothing left to do and returns the first
// failure, nil for none.
func (s *http3Service) failure() error {
	s.work.Wait()
	select {
	case err := <-s.failed:
		return err
	default:
		return nil
	}
}
