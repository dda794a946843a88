// Command answer is a program with the runtime in it, for measuring how it
// starts: `answer FILE CACHE` has the component in FILE, whose compiled code is
// kept in the folder CACHE, answer one request of HTTP and writes the body. With
// no arguments it writes a line.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

	"latticework/components"
	"latticework/components/wasi"
	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Println("usage: answer FILE CACHE")
		return
	}
	if err := answer(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(file, cache string) error {
	ctx := context.Background()
	code, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	engine, err := components.NewEngine(ctx, components.EngineConfig{CacheDir: cache})
	if err != nil {
		return err
	}
	component, err := engine.Compile(ctx, code)
	if err != nil {
		return err
	}
	system, err := wasi.Open(wasi.Config{})
	if err != nil {
		return err
	}
	template, err := component.Link(components.LinkConfig{Interfaces: append(system.Interfaces(), wasihttp.Interfaces(nil)...)})
	if err != nil {
		return err
	}
	handler, err := contract.ResolveIncomingHandler(template)
	if err != nil {
		return err
	}
	instance, err := template.Acquire(ctx)
	if err != nil {
		return err
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")))
	if err != nil {
		return err
	}
	w := response{header: http.Header{}}
	if err := wasihttp.Serve(ctx, instance, handler, &w, r); err != nil {
		return err
	}
	_, err = os.Stdout.Write(w.body.Bytes())
	return err
}

// response keeps what is written to it.
type response struct {
	header http.Header
	body   bytes.Buffer
}

func (w *response) Header() http.Header         { return w.header }
func (w *response) Write(b []byte) (int, error) { return w.body.Write(b) }
func (w *response) WriteHeader(int)             {}
