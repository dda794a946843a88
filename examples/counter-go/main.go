// Command counter is the counter of examples/counter in Go, with the same
// answers: an HTTP component with bindings by hand, compiled by the Go compiler
// for wasip1 as a library.
package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

func main() {}

const prefix = "count:"

// bucket is a handle of wasi:keyvalue/store.
type bucket uint32

// storeError reads the variant error at o.
func storeError(a *area, o uint32) error {
	switch a.u8(o) {
	case 0:
		return errors.New("no such store")
	case 1:
		return errors.New("access denied")
	}
	return errors.New(a.text(o + 4))
}

func open(name string) (bucket, error) {
	a := newArea()
	at, n := lend(name)
	storeOpen(at, n, a.at())
	if a.u8(0) != 0 {
		return 0, storeError(a, 4)
	}
	return bucket(a.u32(4)), nil
}

func (b bucket) increment(key string) (uint64, error) {
	a := newArea()
	at, n := lend(key)
	bucketIncrement(uint32(b), at, n, 1, a.at())
	if a.u8(0) != 0 {
		return 0, storeError(a, 8)
	}
	return a.u64(8), nil
}

func (b bucket) delete(key string) error {
	a := newArea()
	at, n := lend(key)
	bucketDelete(uint32(b), at, n, a.at())
	if a.u8(0) != 0 {
		return storeError(a, 4)
	}
	return nil
}

// keys returns every key, page by page.
func (b bucket) keys() ([]string, error) {
	a := newArea()
	var all []string
	var hasCursor uint32
	var cursor uint64
	for {
		bucketListKeys(uint32(b), hasCursor, cursor, a.at())
		if a.u8(0) != 0 {
			return nil, storeError(a, 8)
		}
		list, n := a.u32(8), a.u32(12)
		for i := range n {
			text := (*[2]uint32)(unsafe.Pointer(uintptr(list + 8*i)))
			all = append(all, take(text[0], text[1]))
		}
		release(list, 8*n)
		if a.u8(16) == 0 {
			return all, nil
		}
		hasCursor, cursor = 1, a.u64(24)
	}
}

func config(key, otherwise string) (string, error) {
	a := newArea()
	at, n := lend(key)
	configGet(at, n, a.at())
	switch {
	case a.u8(0) != 0:
		return "", errors.New(a.text(8))
	case a.u8(4) == 0:
		return otherwise, nil
	}
	return a.text(8), nil
}

// counted, forgotten and failed are the bodies of answers.
type (
	counted struct {
		Greeting string `json:"greeting"`
		Path     string `json:"path"`
		Count    uint64 `json:"count"`
	}
	forgotten struct {
		Path  string `json:"path"`
		Count uint64 `json:"count"`
	}
	failed struct {
		Error string `json:"error"`
	}
)

func answer(method, path string) (status uint32, body any, err error) {
	name, err := config("bucket", "default")
	if err != nil {
		return 0, nil, err
	}
	b, err := open(name)
	if err != nil {
		return 0, nil, err
	}
	defer bucketDrop(uint32(b))
	switch {
	case method == "GET" && path == "/keys":
		keys, err := b.keys()
		if err != nil {
			return 0, nil, err
		}
		paths := []string{}
		for _, k := range keys {
			if p, ok := strings.CutPrefix(k, prefix); ok {
				paths = append(paths, p)
			}
		}
		slices.Sort(paths)
		return 200, paths, nil
	case method == "GET" || method == "HEAD" || method == "POST":
		count, err := b.increment(prefix + path)
		if err != nil {
			return 0, nil, err
		}
		greeting, err := config("greeting", "hello")
		return 200, counted{greeting, path, count}, err
	case method == "DELETE":
		return 200, forgotten{Path: path}, b.delete(prefix + path)
	}
	return 405, failed{"method not allowed"}, nil
}

// methods are the cases of the variant method, but for the last, other.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

//go:wasmexport wasi:http/incoming-handler@0.2.12#handle
func handle(request, out uint32) {
	lent = lent[:0]
	a := newArea()
	requestMethod(request, a.at())
	method := "other"
	if m := a.u8(0); int(m) < len(methods) {
		method = methods[m]
	} else {
		take(a.u32(4), a.u32(8))
	}
	requestPath(request, a.at())
	path := "/"
	if a.u8(0) == 1 {
		path = a.text(4)
	}
	path, _, _ = strings.Cut(path, "?")
	requestDrop(request)

	status, value, err := answer(method, path)
	if err != nil {
		status, value = 500, failed{err.Error()}
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // these types have a JSON form
	}
	respond(out, status, text.String())
}

func respond(out, status uint32, body string) {
	headers := [2][2]string{{"content-type", "application/json"}, {"content-length", strconv.Itoa(len(body))}}
	var flat [2][4]uint32
	for i, h := range headers {
		flat[i][0], flat[i][1] = lend(h[0])
		flat[i][2], flat[i][3] = lend(h[1])
	}
	list := &flat
	lent = append(lent, list)
	a := newArea()
	fieldsFromList(address(unsafe.Pointer(list)), uint32(len(headers)), a.at())
	response := responseNew(a.u32(4))
	responseSetStatus(response, status)
	responseBody(response, a.at())
	sink := a.u32(4)
	responseSend(out, 0, response, 0, 0, 0, 0, 0, 0)
	bodyWrite(sink, a.at())
	stream := a.u32(4)
	whole := true
	for len(body) > 0 && whole {
		chunk := body[:min(len(body), 4096)]
		at, n := lend(chunk)
		streamWrite(stream, at, n, a.at())
		whole = a.u8(0) == 0
		body = body[len(chunk):]
	}
	streamDrop(stream)
	if whole {
		bodyFinish(sink, 0, 0, a.at())
	}
}
