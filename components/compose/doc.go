// Package compose plugs components into each other and writes the result as a
// component of its own.
//
// One component, the socket, has imports; the others, the plugs, have exports
// that go into them. The result instantiates the plugs, gives the socket what
// they export, and exports what the socket exports. What nobody provides stays
// an import of the result: interfaces that several parts import become one
// import, so that resources passed between them keep their identity.
//
// A plug serves only the socket. For a chain, plug the plug first, or plug
// one after the other: what a plug imports is an import of the first result.
package compose
