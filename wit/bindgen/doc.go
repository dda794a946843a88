// Package bindgen writes the Go contract of a WIT package: its types, one Go
// interface for each WIT interface and resource, the glue that serves such a
// Go interface to guests and to other hosts, and stubs that call a
// component's exports.
//
// The emitted code holds no reflection and no tables to search: offsets in the
// canonical ABI's memory layout are constants, and every structured type has
// one function for each of the four directions (load and store for linear
// memory, decode and encode for the value encoding).
//
// # Mapping
//
//   - Interface x becomes the Go interface XInterface with one method for each
//     function, constructor (NewR) and static function (RName); resource r
//     becomes the Go interface R with its methods and Drop.
//
//   - A function answers (T, error). For result<T, E> the error case is
//     abi.Fail(E); any other error is a failure of the host and traps.
//
//   - record is a struct, variant a struct of a Case and one field for each
//     payload, enum a small unsigned type, flags a bit set.
//
//   - option<T> is abi.Option[T], a nested result abi.Result, tuple<…>
//     abi.TupleN, list<u8> []byte, char rune; own and borrow are the
//     resource's Go interface.
//
//   - map<k, v> is map[K]V: entries come in no order, and of entries with one
//     key the last counts. error-context is *abi.ErrorContext.
//
//   - A type whose name two interfaces of the package define is prefixed with
//     the name of its interface.
//
//   - An async function has a method like any other. It runs on a goroutine
//     while the guest goes on, and ctx ends when the guest cancels the call; so
//     the methods of one object may run at the same time. What never waits can
//     be called in place instead, see [Config].
//
//   - stream<T> is abi.Stream[T] and future<T> abi.Future[T], for the side that
//     reads: a parameter is what the guest writes, a result is read as far as
//     the guest reads it. Functions that have one in their type, or an
//     error-context, are refused to callers on other hosts.
//
//   - What a world w has outside of named interfaces is written too: its
//     functions are WImportsInterface, which BindWImports binds as one interface
//     for each of them, and WWorldExports; an interface x in place is like any
//     other, under the name WX.
//
// # Exports
//
// ResolveX looks up the functions of the interface x among a component's
// exports, once for each template; methods of the XExports that it answers call
// them in an instance:
//
//	books, err := ledger.ResolveBook(tmpl)
//	entry, err := books.NewEntry(ctx, inst, 5)   // constructor
//	n, err := entry.Number(ctx)                  // method
//	all, err := books.EntryMerged(ctx, inst, entry, another) // static
//	err = books.DropEntry(ctx, entry)            // its destructor runs
//
// A resource that the component defines is a typed handle: it implements the
// resource's Go interface, so that types are the same in both directions. Go owns
// it until a call takes it as an own, or it is dropped. Its methods call the
// instance that made it; RName(ctx, inst, r, …) of the exports does the same
// through an [abi.Invoker] of choice, as is needed inside of
// components.Instance.Concurrent, which no drop can be made in. Drop of the
// handle itself is DropR without its error, which nothing else tells.
//
// A handle that is gone, or of another instance, is refused as invalid before
// the guest is entered, and so is one that a call gets twice, unless both times
// lent. Only where it stands in a stream, or in Concurrent, is that found later,
// which traps the guest.
//
// Resources that a world itself defines are refused as unsupported.
package bindgen
