// Package wasihttp3 implements wasi:http@0.3 for guests: [Types] the messages,
// [Interfaces] with a client for the requests that a guest sends, and [Serve]
// the requests that a guest answers. Limits, field rules and error codes are
// those of package wasihttp.
//
// Bodies are streamed in both directions and nothing of them is kept: a body
// is read from the network when the guest reads it, and from the guest as fast
// as the peer takes it. A message that a guest received may be handed on as it
// is, and is then streamed through without the guest.
//
// Trailers of a message without a body are read only if its fields announce
// them, for there is no place for others. What a guest tells through the
// future that it gives to consume-body goes to who made the message; if it
// came from the network, nobody is there to be told.
//
// Source: wasi:http@0.3.0, RFC 9110, RFC 9112.
package wasihttp3
