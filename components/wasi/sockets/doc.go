// Package sockets implements wasi:sockets over non-blocking sockets of the
// system and Go's network poller.
//
// Nothing is allowed by default: without a rule that could ever match, making
// a socket and looking up a name answer access-denied and touch no network.
// Each bind, connect, datagram and look-up is checked against the rules.
//
// WASI 0.2 and 0.3 have rules, limits and resolver in common, and everything
// that asks the system for something. Files whose name ends in 3 are of WASI
// 0.3 alone.
//
// Linux and macOS have sockets; elsewhere making one answers not-supported.
//
// Source: wasi:sockets@0.2.12, wasi:sockets@0.3.0.
package sockets
