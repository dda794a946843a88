package httpserver_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	h2frames "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framer speaks HTTP/2 frame by frame, as no client does.
type framer struct {
	*h2frames.Framer
	t    *testing.T
	conn net.Conn
}

func newFramer(t *testing.T, address string) *framer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return framerOn(t, conn)
}

// framerOn begins HTTP/2 on a connection.
func framerOn(t *testing.T, conn net.Conn) *framer {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, h2frames.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := &framer{Framer: h2frames.NewFramer(conn, conn), t: t, conn: conn}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return f
}

// request sends the head of a request to the host a, without body.
func (f *framer) request(stream uint32, method, path string, fields ...[2]string) {
	f.t.Helper()
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, field := range append([][2]string{{":method", method}, {":scheme", "http"}, {":authority", "a"}, {":path", path}}, fields...) {
		if err := e.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			f.t.Fatal(err)
		}
	}
	err := f.WriteHeaders(h2frames.HeadersFrameParam{StreamID: stream, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: method == "GET"})
	if err != nil {
		f.t.Fatal(err)
	}
}

// next returns the first frame that match takes; others are passed over.
func (f *framer) next(match func(h2frames.Frame) bool) h2frames.Frame {
	f.t.Helper()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			f.t.Fatalf("read frame: %v", err)
		}
		if s, ok := frame.(*h2frames.SettingsFrame); ok && !s.IsAck() {
			if err := f.WriteSettingsAck(); err != nil {
				f.t.Fatal(err)
			}
		}
		if match(frame) {
			return frame
		}
	}
}

// status returns that of the answer on a stream.
func (f *framer) status(stream uint32) string {
	f.t.Helper()
	h := f.next(func(frame h2frames.Frame) bool {
		m, ok := frame.(*h2frames.MetaHeadersFrame)
		return ok && m.StreamID == stream
	})
	return h.(*h2frames.MetaHeadersFrame).PseudoValue("status")
}
