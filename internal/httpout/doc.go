// Package httpout sends HTTP requests for components: a [Client] is a transport
// with rules about whom it may reach, a [Trip] one request within limits on time
// and number. Each version of wasi:http makes its own types and error codes of
// them; see [Reason].
//
// A client reaches nobody by default and takes nothing from its surroundings:
// no proxy variables, no cookies, no credentials. It follows no redirect, so
// that each request is one that the component made and the rules were asked
// about. Connections are used again by requests of the same client alone.
//
// Source: wasi:http@0.2.12, RFC 9110.
package httpout
