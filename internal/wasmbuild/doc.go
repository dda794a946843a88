// Package wasmbuild writes core WebAssembly modules and components byte by
// byte, for tests. It checks nothing: what it writes may be as wrong as a test
// wants it.
//
// Source: https://webassembly.github.io/spec/core/binary/ and
// design/mvp/Binary.md in github.com/WebAssembly/component-model.
package wasmbuild
