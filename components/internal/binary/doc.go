// Package binary is the syntax of a component: the definitions of Binary.md of
// the component model as Go data, and the decoder that reads them from
// untrusted bytes. It says what stands in a binary; whether that makes sense
// is asked of package validate.
package binary
