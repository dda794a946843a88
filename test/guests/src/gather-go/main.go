// Command gather takes what the host puts into its memory, and keeps it: the body of
// a request for /, or for /KEY the setting of that name, 32 times over. It answers
// how many bytes that was, their CRC-32 and how many collections the program saw so
// far: "200000 1a2b3c4d 3". Its abi.go is that of examples/counter-go.
package main

import (
	"fmt"
	"hash/crc32"
	"runtime"
	"strings"
)

func main() {}

// body reads until the stream's end.
func body(request uint32) string {
	a := newArea()
	requestConsume(request, a.at())
	b := a.u32(4)
	bodyStream(b, a.at())
	stream := a.u32(4)
	var all []byte
	for {
		streamRead(stream, 1<<20, a.at())
		if a.u8(0) != 0 {
			break // closed
		}
		all = append(all, a.text(4)...)
	}
	inputDrop(stream)
	incomingDrop(b)
	return string(all)
}

// setting fails on the host's side of the test if there is none.
func setting(key string) string {
	a := newArea()
	at, n := lend(key)
	var kept []string
	for range 32 {
		configGet(at, n, a.at())
		if a.u8(0) != 0 || a.u8(4) == 0 {
			panic("no setting " + key)
		}
		kept = append(kept, a.text(8))
	}
	return strings.Join(kept, "")
}

//go:wasmexport wasi:http/incoming-handler@0.2.12#handle
func handle(request, out uint32) {
	lent = lent[:0]
	a := newArea()
	requestPath(request, a.at())
	path := a.text(4)
	var all string
	if path == "/" {
		all = body(request)
	} else {
		all = setting(path[1:])
	}
	requestDrop(request)
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	respond(out, fmt.Sprintf("%d %08x %d", len(all), crc32.ChecksumIEEE([]byte(all)), stats.NumGC))
}

func respond(out uint32, text string) {
	a := newArea()
	response := responseNew(fieldsNew())
	responseBody(response, a.at())
	sink := a.u32(4)
	responseSend(out, 0, response, 0, 0, 0, 0, 0, 0)
	bodyWrite(sink, a.at())
	stream := a.u32(4)
	at, n := lend(text)
	streamWrite(stream, at, n, a.at())
	streamDrop(stream)
	bodyFinish(sink, 0, 0, a.at())
}
