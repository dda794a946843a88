// Package raftstore keeps link state in hashicorp/raft, on disk in one bbolt
// file and raft's snapshot files.
//
// Every log entry, stable value and snapshot is checked when a member opens; a
// damaged one is refused, never skipped. A vote's term and candidate are
// written in one transaction. Every transaction is synced to disk.
package raftstore
