// Package streams implements wasi:io: errors, pollables, poll, and input and
// output streams over Go readers and writers.
//
// A stream is used by one guest at a time; what happens in the background, a
// read ahead or a drain, is the stream's own and ends with it. Waiting is done
// without goroutines of its own: whoever waits registers a [Waiter] with every
// [Source] it waits for and sleeps on one channel.
//
// Source: wasi:io@0.2.12.
package streams
