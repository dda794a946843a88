// Package host is one host of a lattice: it runs the components and providers
// that link state assigns to it, keeps a route for each linked import, and
// serves invocations from other hosts.
//
// A host names no technology: it is given a bus, an engine, a registry of
// providers and whatever every component gets, see [Config].
package host
