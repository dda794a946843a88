// Package host is one host of a lattice: it runs the components and providers
// that link state assigns to it, keeps a route for each linked import, and
// serves invocations from other hosts.
//
// A host names no technology: it is given a bus, an engine, a registry of
// providers and whatever every component gets, see [Config].
//
// What runs under a name is replaced without a break: the new one starts
// beside the old one, routes turn to it under the host's lock, and the old one
// is closed when nothing is open on it. Three things make that so:
//
//   - a gate counts the calls and handles that are open on one generation of
//     a link at one place; it is closed after its routes were replaced.
//   - a route never leads elsewhere: another target has another gate, so that
//     a handle finds the way that it came by.
//   - a refusal says that nothing was executed; a call that was refused
//     follows its target to where it runs now.
package host
