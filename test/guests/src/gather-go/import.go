package main

// The imports as the canonical ABI flattens them: a text is an address and a
// length, out is the address of an area.

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-request.path-with-query
func requestPath(request, out uint32)

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-request.consume
func requestConsume(request, out uint32)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]incoming-request
func requestDrop(request uint32)

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-body.stream
func bodyStream(body, out uint32)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]incoming-body
func incomingDrop(body uint32)

//go:wasmimport wasi:io/streams@0.2.12 [method]input-stream.blocking-read
func streamRead(stream uint32, most uint64, out uint32)

//go:wasmimport wasi:io/streams@0.2.12 [resource-drop]input-stream
func inputDrop(stream uint32)

//go:wasmimport wasi:http/types@0.2.12 [constructor]fields
func fieldsNew() uint32

//go:wasmimport wasi:http/types@0.2.12 [constructor]outgoing-response
func responseNew(headers uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-response.body
func responseBody(response, out uint32)

//go:wasmimport wasi:http/types@0.2.12 [static]response-outparam.set
func responseSend(param, isError, response, b uint32, c uint64, d, e, f, g uint32)

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-body.write
func bodyWrite(body, out uint32)

//go:wasmimport wasi:http/types@0.2.12 [static]outgoing-body.finish
func bodyFinish(body, hasTrailers, trailers, out uint32)

//go:wasmimport wasi:io/streams@0.2.12 [method]output-stream.blocking-write-and-flush
func streamWrite(stream, at, n, out uint32)

//go:wasmimport wasi:io/streams@0.2.12 [resource-drop]output-stream
func streamDrop(stream uint32)

//go:wasmimport wasi:config/store@0.2.0-rc.1 get
func configGet(at, n, out uint32)
