// Package httpmessage is what both versions of wasi:http share: the rules for
// fields, methods and targets, the error codes, the sending of requests with
// their limits, and the writing of a response to a client.
//
// Error codes are those of the contract of 0.2; 0.3 has the same ones and
// converts them.
//
// Source: wasi:http@0.2.12 and @0.3.0, RFC 9110, RFC 9112.
package httpmessage
