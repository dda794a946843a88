// Package components runs WebAssembly components on wazero.
//
// An [Engine] holds what a process shares. [Engine.Compile] decodes,
// validates, plans and compiles a component once; [Component.Link] binds its
// imports to implementations and gives a [Template]; [Template.Acquire] gives
// an [Instance] in its initial state, which runs one call at a time and goes
// back with [Instance.Release].
//
// # Asynchronous components
//
// Functions of async type, as WASI 0.3 has them, are called like others: a call
// runs the instance's event loop until the function returned. What its tasks
// go on doing afterwards they do during later calls, and in [Instance.Drive].
// [Instance.Concurrent] has several calls under way at once.
//
// Values of stream and future types are a [StreamReader] or a [FutureReader]
// in either direction, as the Rep of a [value.Async] or in the ABI's calls;
// [NewStream] and [NewFuture] make them. What implements [abi.Stream] of bytes,
// or comes from a generated contract, is given as it is. An import of async type that takes
// its time is given as [abi.Func].Start: it reads its parameters and answers
// an [abi.Work], which runs on a goroutine while the guest goes on.
//
// Each thread of a task is a coroutine, of which exactly one runs at a time. A
// component that uses nothing asynchronous has none.
//
// A component gets no authority from this package: everything it can reach was
// given to Link.
package components
