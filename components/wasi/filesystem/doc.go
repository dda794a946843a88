// Package filesystem implements wasi:filesystem over [os.Root].
//
// Each folder that a guest holds is a root of its own: no path, symbolic link
// or race with a rename leads out of it. A path is resolved by os.Root up to
// its last part; what is done to the last part is done without following it,
// relative to the open folder that was found.
//
// The text of an error that a guest sees names no path of the host.
//
// Source: wasi:filesystem@0.2.12, wasi:filesystem@0.3.0.
package filesystem
