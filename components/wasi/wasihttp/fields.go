package wasihttp

import (
	"context"
	"net/http"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/wit/abi"
)

// Limits on one set of fields that a guest makes; what is received was limited
// by the server or client that read it.
const (
	MaxFieldCount = httpmessage.MaxFieldCount
	MaxFieldBytes = httpmessage.MaxFieldBytes
)

// The header errors, made once.
var (
	errSyntax    = abi.Fail(contract.HeaderErrorInvalidSyntax())
	errForbidden = abi.Fail(contract.HeaderErrorForbidden())
	errImmutable = abi.Fail(contract.HeaderErrorImmutable())
)

// headerError returns the error case for err; a limit that was hit has none,
// and traps.
func headerError(err error) error {
	switch err {
	case httpmessage.ErrSyntax:
		return errSyntax
	case httpmessage.ErrForbidden:
		return errForbidden
	case httpmessage.ErrImmutable:
		return errImmutable
	}
	return err
}

// Fields is a list of header or trailer fields: received ones, or ones that a
// guest makes. Once it is part of a message it is immutable.
type Fields struct{ fields httpmessage.Fields }

var _ contract.Fields = (*Fields)(nil)

// newFields returns empty, mutable fields.
func newFields() *Fields {
	f := &Fields{}
	f.fields.Init()
	return f
}

// receivedFields returns immutable fields for h, which must not change.
func receivedFields(h http.Header) *Fields {
	f := &Fields{}
	f.fields.Receive(h)
	return f
}

// Get returns all values of a name in order; the bytes must not be changed.
func (f *Fields) Get(_ context.Context, name string) ([][]byte, error) {
	return f.fields.Get(name), nil
}

// Has reports whether a name occurs.
func (f *Fields) Has(_ context.Context, name string) (bool, error) { return f.fields.Has(name), nil }

// Set replaces all values of a name; the values are f's from now on.
func (f *Fields) Set(_ context.Context, name string, values [][]byte) error {
	return headerError(f.fields.Set(name, values))
}

// Delete removes all values of a name.
func (f *Fields) Delete(_ context.Context, name string) error {
	return headerError(f.fields.Delete(name))
}

// Append adds a value to those of a name; the value is f's from now on.
func (f *Fields) Append(_ context.Context, name string, value []byte) error {
	return headerError(f.fields.Append(name, value))
}

// Entries returns all fields; the bytes must not be changed.
func (f *Fields) Entries(context.Context) ([]abi.Tuple2[string, []byte], error) {
	return f.fields.Entries(), nil
}

// Clone returns a mutable copy.
func (f *Fields) Clone(context.Context) (contract.Fields, error) {
	c := &Fields{}
	c.fields.Copy(&f.fields)
	return c, nil
}

// Drop implements the contract.
func (f *Fields) Drop(context.Context) {}
