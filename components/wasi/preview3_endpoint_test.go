package wasi_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// endpointHandler answers as the endpoints of one server say.
type endpointHandler []endpoint

// startEndpoints starts the servers and returns the variables that tell a
// program of them, and what stops them.
func startEndpoints(servers []endpointServer) (env map[string]string, stop func(), err error) {
	env = map[string]string{}
	var running []*httptest.Server
	stop = func() {
		for _, s := range running {
			s.CloseClientConnections()
			s.Close()
		}
	}
	for _, s := range servers {
		var addr string
		switch s.Kind {
		case "", "listening":
			srv := httptest.NewServer(endpointHandler(s.Endpoints))
			running = append(running, srv)
			addr = srv.Listener.Addr().String()
		case "closed":
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				stop()
				return nil, nil, err
			}
			addr = l.Addr().String()
			_ = l.Close() // from now on a connection to it is refused
		default:
			stop()
			return nil, nil, fmt.Errorf("server %s is of the unknown kind %q", s.Name, s.Kind)
		}
		env["HTTP_SERVER_"+strings.ToUpper(s.Name)] = addr
	}
	return env, stop, nil
}

// ServeHTTP reads the whole request, and answers it if method and target are
// exactly those of an endpoint.
func (h endpointHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for _, e := range h {
		if r.Method != e.Method || r.RequestURI != e.Path {
			continue
		}
		switch e.Mode {
		case "", "static":
			e.Response.write(w)
		case "echo-body":
			_, _ = w.Write(body)
		case "echo-headers":
			echoHeaders(w.Header(), r)
		default:
			http.Error(w, "unknown mode "+e.Mode, http.StatusInternalServerError)
		}
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// echoHeaders puts what r has into the fields of its response.
func echoHeaders(h http.Header, r *http.Request) {
	h.Set("x-request-method", r.Method)
	h.Set("x-request-path", r.RequestURI)
	h.Set("x-echo-host", r.Host)
	for _, coding := range r.TransferEncoding {
		h.Add("x-echo-transfer-encoding", coding)
	}
	for name, values := range r.Header {
		h["X-Echo-"+name] = values
	}
	for name, values := range r.Trailer {
		h["X-Trailer-"+name] = values
	}
}

// write answers with p.
func (p *endpointResponse) write(w http.ResponseWriter) {
	for name, v := range p.Headers {
		w.Header().Set(name, v)
	}
	for name := range p.Trailers {
		w.Header().Add("Trailer", name)
	}
	if p.Chunks == nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(p.Body)))
	}
	w.WriteHeader(max(p.Status, http.StatusOK))
	_, _ = io.WriteString(w, p.Body)
	for _, c := range p.Chunks {
		_, _ = io.WriteString(w, c)
		_ = http.NewResponseController(w).Flush()
	}
	for name, v := range p.Trailers {
		w.Header().Set(name, v)
	}
}

// check compares a response with p.
func (p *endpointResponse) check(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read response: %w", err)
	}
	if want := max(p.Status, http.StatusOK); resp.StatusCode != want {
		return fmt.Errorf("status %d, want %d; body %q", resp.StatusCode, want, body)
	}
	for name, want := range p.Headers {
		if got := resp.Header.Get(name); got != want {
			return fmt.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if string(body) != p.Body {
		return fmt.Errorf("body %q, want %q", body, p.Body)
	}
	return nil
}
