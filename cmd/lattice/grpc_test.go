package main

import (
	"bytes"
	proto "encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// framed is a message as gRPC frames it.
func framed(message string) string {
	return string(proto.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + message
}

// text is a message of protobuf whose field 1 is a text.
func text(s string) string {
	return string(append(proto.AppendUvarint([]byte{1<<3 | 2}, uint64(len(s))), s...))
}

// call begins a call of gRPC; its answer is to be closed.
func call(t *testing.T, c *http.Client, url, method string, body io.Reader) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+method, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/grpc+proto"}, "Te": {"trailers"}}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	if resp.ProtoMajor != 2 || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/grpc" {
		t.Errorf("%s: %s %d %v", method, resp.Proto, resp.StatusCode, resp.Header)
	}
	return resp
}

const (
	sayHello = "/helloworld.Greeter/SayHello"
	sayMany  = "/helloworld.Greeter/SayHelloBidiStream"
)

// TestGRPC calls a component over HTTP/2: messages and trailers of calls with
// one message, and of calls with streams in both directions.
func TestGRPC(t *testing.T) {
	h := newHome(t)
	p := h.start(slices.Concat([]string{"up", example("grpc-rust"), "--http-listen", "127.0.0.1:0"}, free)...)
	url := p.await("ready").HTTP
	c := browser(t, nil, http2)
	unknown := "\x10\x05" + "\x19" + strings.Repeat("8", 8) + "\x25" + "four" // fields 2, 3 and 4
	for name, try := range map[string]struct {
		method, send, want, status, says string
	}{
		"one":          {sayHello, framed(text("you")), framed(text("Hello you")), "0", ""},
		"empty":        {sayHello, framed(""), framed(text("Hello ")), "0", ""},
		"long":         {sayHello, framed(text(strings.Repeat("x", 300_000))), framed(text("Hello " + strings.Repeat("x", 300_000))), "0", ""},
		"other fields": {sayHello, framed(unknown + text("you")), framed(text("Hello you")), "0", ""},
		"none":         {sayHello, "", "", "13", "not one message"},
		"two":          {sayHello, framed(text("a")) + framed(text("b")), framed(text("Hello a")), "13", "not one message"},
		"malformed":    {sayHello, framed("\x0a\x05abc"), "", "13", "not a HelloRequest"},
		"cut":          {sayHello, framed(text("you"))[:8], "", "13", "ends before its length"},
		"compressed":   {sayHello, "\x01" + framed(text("you"))[1:], "", "12", "compressed"},
		"too large":    {sayHello, "\x00\x10\x00\x00\x00", "", "8", "more than 1 MiB"},
		"no method":    {"/helloworld.Greeter/SayBye", framed(text("you")), "", "12", "no such method"},
		"many":         {sayMany, framed(text("a")) + framed(text("b")), framed(text("Hello a")) + framed(text("Hello b")), "0", ""},
		"many of none": {sayMany, "", "", "0", ""},
		"many and cut": {sayMany, framed(text("a")) + "\x00", framed(text("Hello a")), "13", "ends before its length"},
	} {
		resp := call(t, c, url, try.method, strings.NewReader(try.send))
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		end := resp.Trailer
		if end.Get("Grpc-Status") == "" { // a call may end with its head
			end = resp.Header
		}
		if err != nil || string(got) != try.want || end.Get("Grpc-Status") != try.status || !strings.Contains(end.Get("Grpc-Message"), try.says) {
			t.Errorf("%s: %d bytes %.60q, %v, %v; want %d bytes, status %s", name, len(got), got, err, end, len(try.want), try.status)
		}
		if (try.status == "0" || len(try.want) > 0) && resp.Trailer.Get("Grpc-Status") != try.status {
			t.Errorf("%s: trailers %v", name, resp.Trailer)
		}
	}

	// Each message is answered before the next one is sent.
	body, feed := io.Pipe()
	sent := make(chan error, 1)
	go func() { // ends with the first message's reader
		_, err := io.WriteString(feed, framed(text("0")))
		sent <- err
	}()
	resp := call(t, c, url, sayMany, body)
	defer resp.Body.Close()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if i > 0 {
			if _, err := io.WriteString(feed, framed(text(fmt.Sprint(i)))); err != nil {
				t.Fatal(err)
			}
		}
		want := []byte(framed(text(fmt.Sprint("Hello ", i))))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %d is answered with %q, %v", i, got, err)
		}
	}
	_ = feed.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 || resp.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("at the end %q, %v, %v", rest, err, resp.Trailer)
	}
	p.stop()
}

// TestGRPCOnAnotherHost: the trailers of a component on another host reach the
// client.
func TestGRPCOnAnotherHost(t *testing.T) {
	first, second := newHome(t), newHome(t)
	p := first.start(slices.Concat([]string{"up", "--name", "alpha", "--label", "where=a"}, free)...)
	q := second.start("host", "--join", p.await("ready").NATS, "--name", "beta", "--label", "where=b")
	q.await("ready")
	address := freeAddress(t)
	first.ok("deploy", application(t, fmt.Sprintf(`    - name: fetch
      type: component
      properties: {image: %s}
      traits: [{type: spreadscaler, properties: {instances: 10, spread: [{name: b, requirements: {where: b}}]}}]
`, absolute(t, "grpc-rust/grpc.wasm"))+strings.Replace(webPart, "      traits:\n", "      traits:\n        - {type: spreadscaler, properties: {instances: 1, spread: [{name: a, requirements: {where: a}}]}}\n", 1)),
		"--http-listen", address)
	resp := call(t, browser(t, nil, http2), "http://"+address, sayHello, strings.NewReader(framed(text("you"))))
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(got) != framed(text("Hello you")) || resp.Trailer.Get("Grpc-Status") != "0" || resp.Header.Get("Grpc-Status") != "" {
		t.Errorf("%q, %v, fields %v, trailers %v", got, err, resp.Header, resp.Trailer)
	}
	q.stop()
	p.stop()
}
