// Package wasihttp implements wasi:http for guests: [Types] the messages,
// [Outgoing] requests that a guest sends, and [Serve] requests that a guest
// answers.
//
// A served request is streamed both ways on the goroutine that runs the guest:
// its body is read from the client when the guest reads, its response goes out
// while the guest still runs. Only a flush that nobody follows up at once, and
// a read that the guest polls for, happen beside it.
//
// What a guest puts into a message is checked before anything is sent: names
// and values of fields, methods, targets, and that a body has the length that
// its content-length states.
//
// Source: wasi:http@0.2.12, RFC 9110, RFC 9112.
package wasihttp
