// Package components runs WebAssembly components on wazero.
//
// An [Engine] holds what a process shares. [Engine.Compile] decodes,
// validates, plans and compiles a component once; [Component.Link] binds its
// imports to implementations and gives a [Template]; [Template.Acquire] gives
// an [Instance] in its initial state, which runs one call at a time and goes
// back with [Instance.Release].
//
// A component gets no authority from this package: everything it can reach was
// given to Link.
package components
