// Package linkstate is the replicated state of a lattice: links, configs,
// components, providers, applications and their assignments to hosts. It is a
// pure state machine: the same log gives the same state, byte for byte, on
// every machine. It reads no clock, no randomness, no file and no network.
//
// A [State] consumes commands with [State.Apply] and yields a [Result] and
// [Change] records. A [View] is an immutable reading of it. A [Replica]
// follows a State from its changes alone, as hosts do.
package linkstate
