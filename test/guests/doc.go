// Package guests runs real components, built by the toolchains people use, and
// compares what they answer with what was recorded under another runtime.
package guests
