package wasihttp3

import (
	"context"
	"errors"
	"net/http"

	contract "latticework/components/wasi/bindings/wasihttp3"
	"latticework/components/wasi/internal/httpmessage"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// The header errors, made once.
var (
	errSyntax    = abi.Fail(contract.HeaderErrorInvalidSyntax())
	errForbidden = abi.Fail(contract.HeaderErrorForbidden())
	errImmutable = abi.Fail(contract.HeaderErrorImmutable())
	errSize      = abi.Fail(contract.HeaderErrorSizeExceeded())
)

// headerError returns the error case for err.
func headerError(err error) error {
	switch {
	case err == nil:
		return nil
	case err == httpmessage.ErrSyntax:
		return errSyntax
	case err == httpmessage.ErrForbidden:
		return errForbidden
	case err == httpmessage.ErrImmutable:
		return errImmutable
	case errors.Is(err, errcode.Exhausted):
		return errSize
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

// freeze takes fields over for a message.
func freeze(fields contract.Fields) (*Fields, error) {
	f, ok := fields.(*Fields)
	if !ok {
		return nil, foreign("fields", fields)
	}
	f.fields.Freeze()
	return f, nil
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

// GetAndDelete removes all values of a name and returns them.
func (f *Fields) GetAndDelete(_ context.Context, name string) ([][]byte, error) {
	values := f.fields.Get(name)
	if err := f.fields.Delete(name); err != nil {
		return nil, headerError(err)
	}
	return values, nil
}

// Append adds a value to those of a name, whose first spelling stays; the
// value is f's from now on.
func (f *Fields) Append(_ context.Context, name string, value []byte) error {
	if have, ok := f.fields.Spelling(name); ok {
		name = have
	}
	return headerError(f.fields.Append(name, value))
}

// CopyAll returns all fields; the bytes must not be changed.
func (f *Fields) CopyAll(context.Context) ([]abi.Tuple2[string, []byte], error) {
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
