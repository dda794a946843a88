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
//     the guest reads it. Functions that have one in their type are refused to
//     callers on other hosts.
//
//   - What a world w has outside of named interfaces is written too: its
//     functions are WImportsInterface, which BindWImports binds as one interface
//     for each of them, and WWorldExports; an interface x in place is like any
//     other, under the name WX.
//
// Exported interfaces that define resources have no stubs yet: components'
// dynamic values reach them. Maps and error-contexts are refused as unsupported.
package bindgen
