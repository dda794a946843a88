// Package lattice holds what the parts of a lattice say to each other: ids,
// names, subjects, messages, the [Bus] they travel on, the [Store] that keeps
// link state, the [Client] that asks for changes and the [Follower] that
// keeps a host's copy of link state.
//
// Technologies live beside it: lattice/natsbus and lattice/membus carry
// messages, lattice/raftstore keeps state, lattice/control decides.
package lattice
