// Package preview1 runs plain core modules for WASI 0.1, which import
// wasi_snapshot_preview1: as a command, by their function _start, or as a
// library, by any function that they export.
//
// A module gets what a [wasi.Config] grants and no more: arguments,
// environment, standard streams, folders, clock and random bytes, as components
// do, from the same implementations. It has no sockets. Its memory, time, fuel
// and stack have the limits of [components.Limits].
//
// [Run] and [Call] do all at once. To use a module more than once, [Compile] it
// and then [Module.Run] it, or [Module.Open] an instance and [Instance.Call]
// its functions.
//
// # What is different from other hosts
//
// Of the rights of a descriptor, those to read and to write follow what
// path_open asks for; the others are what the folder gives. fd_fdstat_set_rights
// takes rights away for good. A folder granted read-only has all rights, and
// refuses changes as a read-only file system does. Buffers are at most 1024 a
// call, and a read or write of more than 64 MiB is a short one. Inode numbers
// are secret hashes; all objects are on one device. fd_allocate extends a file
// and reserves nothing. Clocks of processor time, proc_raise and sockets are
// not supported. There is no working folder: Cwd of the configuration means
// nothing here.
//
// Source: wasi_snapshot_preview1, WebAssembly/WASI, phases/snapshot/docs.md.
package preview1
