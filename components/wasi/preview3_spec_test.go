package wasi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
)

// programSpec is what a program of the WASI 0.3 suite needs, and what is done
// to it. A specification without operations is the older form: the fields of
// one run, and what it answers.
type programSpec struct {
	Operations []operation
	Proposals  []string
	World      string
	Servers    []endpointServer

	Args     []string
	Root     string
	Env      map[string]string
	ExitCode int `json:"exit_code"`
	Stdout   *string
	Stderr   *string
}

// operation is one thing that is done to a program, and what must come of it.
// Each Type uses some of the fields.
type operation struct {
	Type string

	// run
	Args []string
	Env  map[string]string
	Root string
	// wait
	ExitCode int `json:"exit_code"`
	// read, write, connect, send, recv
	ID       string
	Payload  string
	Protocol string `json:"protocol_type"`
	// request
	Method, Path, Body string
	Headers            map[string]string
	Response           endpointResponse
	// kill
	Signal string
}

// endpointServer is an HTTP server beside the program, or an address where
// none listens. The program finds it in the variable HTTP_SERVER_<NAME>.
type endpointServer struct {
	Name, Kind string
	Endpoints  []endpoint
}

// endpoint is how a server answers one method and target.
type endpoint struct {
	Method, Path, Mode string
	Response           endpointResponse
}

// endpointResponse is a response, made by a server or expected from a program.
type endpointResponse struct {
	Status   int
	Headers  map[string]string
	Body     string
	Chunks   []string
	Trailers map[string]string
}

// service is the world of programs that answer HTTP requests.
const service = "wasi:http/service"

// readProgramSpec reads a specification; without a file the program is run and
// succeeds. What it does not know it refuses, for it would check less.
func readProgramSpec(path string) (programSpec, error) {
	var s programSpec
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return s, err
	default:
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			return s, err
		}
	}
	if s.Operations != nil {
		return s, nil
	}
	s.Operations = []operation{{Type: "run", Args: s.Args, Env: s.Env, Root: s.Root}}
	if s.Stdout != nil {
		s.Operations = append(s.Operations, operation{Type: "read", ID: "stdout", Payload: *s.Stdout})
	}
	if s.Stderr != nil {
		s.Operations = append(s.Operations, operation{Type: "read", ID: "stderr", Payload: *s.Stderr})
	}
	s.Operations = append(s.Operations, operation{Type: "wait", ExitCode: s.ExitCode})
	return s, nil
}

func (s *programSpec) proposes(what string) bool { return slices.Contains(s.Proposals, what) }
