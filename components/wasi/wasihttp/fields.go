package wasihttp

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unsafe"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Limits on one set of fields that a guest makes; what is received was limited
// by the server or client that read it.
const (
	MaxFieldCount = 1024
	MaxFieldBytes = 256 << 10
)

// The header errors, made once.
var (
	errSyntax    = abi.Fail(contract.HeaderErrorInvalidSyntax())
	errForbidden = abi.Fail(contract.HeaderErrorForbidden())
	errImmutable = abi.Fail(contract.HeaderErrorImmutable())
)

// field is one name and value. The value is bytes; it is kept as a string
// because net/http wants one.
type field struct{ name, value string }

// Fields is a list of header or trailer fields: received ones, or ones that a
// guest makes. Once it is part of a message it is immutable.
type Fields struct {
	list []field
	// received holds fields that are not in list yet; nil from then on.
	received  http.Header
	immutable bool
	bytes     int // of names and values in list, as far as a guest added them
	few       [4]field
}

var _ contract.Fields = (*Fields)(nil)

// newFields returns empty, mutable fields.
func newFields() *Fields {
	f := &Fields{}
	f.list = f.few[:0]
	return f
}

// receivedFields returns immutable fields for h, which must not change.
func receivedFields(h http.Header) *Fields {
	return &Fields{received: h, immutable: true}
}

// load moves what was received to the list, in the order of names; names
// become lower case, as HTTP/2 sends them.
func (f *Fields) load() {
	if f.received == nil {
		return
	}
	names := make([]string, 0, len(f.received))
	n := 0
	for name, values := range f.received {
		if !isForbidden(name) {
			names = append(names, name)
			n += len(values)
		}
	}
	slices.Sort(names)
	f.list = make([]field, 0, n)
	for _, name := range names {
		lower := strings.ToLower(name)
		for _, v := range f.received[name] {
			f.list = append(f.list, field{lower, v})
		}
	}
	f.received = nil
}

// values returns the received values of a name, and whether f is still as it
// was received.
func (f *Fields) values(name string) ([]string, bool) {
	if f.received == nil || isForbidden(name) {
		return nil, f.received != nil
	}
	return f.received[http.CanonicalHeaderKey(name)], true
}

// Get returns all values of a name in order; the bytes must not be changed.
func (f *Fields) Get(_ context.Context, name string) ([][]byte, error) {
	if vs, ok := f.values(name); ok {
		out := make([][]byte, len(vs))
		for i, v := range vs {
			out[i] = bytesOf(v)
		}
		return out, nil
	}
	var out [][]byte
	for i := range f.list {
		if strings.EqualFold(f.list[i].name, name) {
			out = append(out, bytesOf(f.list[i].value))
		}
	}
	return out, nil
}

// Has reports whether a name occurs.
func (f *Fields) Has(_ context.Context, name string) (bool, error) {
	if vs, ok := f.values(name); ok {
		return len(vs) > 0, nil
	}
	return slices.ContainsFunc(f.list, func(e field) bool { return strings.EqualFold(e.name, name) }), nil
}

// Set replaces all values of a name; the values are f's from now on.
func (f *Fields) Set(_ context.Context, name string, values [][]byte) error {
	if err := checkField(name, values...); err != nil {
		return err
	}
	if f.immutable {
		return errImmutable
	}
	f.remove(name)
	for _, v := range values {
		if err := f.add(name, stringOf(v)); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes all values of a name.
func (f *Fields) Delete(_ context.Context, name string) error {
	if err := checkField(name); err != nil {
		return err
	}
	if f.immutable {
		return errImmutable
	}
	f.remove(name)
	return nil
}

// Append adds a value to those of a name; the value is f's from now on.
func (f *Fields) Append(_ context.Context, name string, value []byte) error {
	if err := checkField(name, value); err != nil {
		return err
	}
	if f.immutable {
		return errImmutable
	}
	return f.add(name, stringOf(value))
}

// Entries returns all fields; the bytes must not be changed.
func (f *Fields) Entries(context.Context) ([]abi.Tuple2[string, []byte], error) {
	f.load()
	out := make([]abi.Tuple2[string, []byte], len(f.list))
	for i, e := range f.list {
		out[i] = abi.Tuple2[string, []byte]{F0: e.name, F1: bytesOf(e.value)}
	}
	return out, nil
}

// Clone returns a mutable copy.
func (f *Fields) Clone(context.Context) (contract.Fields, error) {
	f.load()
	c := newFields()
	c.list = append(c.list, f.list...)
	for _, e := range c.list {
		c.bytes += len(e.name) + len(e.value)
	}
	return c, nil
}

// Drop implements the contract.
func (f *Fields) Drop(context.Context) {}

// checkField returns the header error for a name with values, if any.
func checkField(name string, values ...[]byte) error {
	if !isToken(name) {
		return errSyntax
	}
	if isForbidden(name) {
		return errForbidden
	}
	for _, v := range values {
		if !isFieldValue(stringOf(v)) {
			return errSyntax
		}
	}
	return nil
}

func (f *Fields) remove(name string) {
	f.list = slices.DeleteFunc(f.list, func(e field) bool {
		if !strings.EqualFold(e.name, name) {
			return false
		}
		f.bytes -= len(e.name) + len(e.value)
		return true
	})
}

func (f *Fields) add(name, value string) error {
	if len(f.list) >= MaxFieldCount {
		return errcode.New(errcode.Exhausted, "add field: fields: %d > %d", len(f.list)+1, MaxFieldCount)
	}
	f.bytes += len(name) + len(value)
	if f.bytes > MaxFieldBytes {
		return errcode.New(errcode.Exhausted, "add field: bytes: %d > %d", f.bytes, MaxFieldBytes)
	}
	f.list = append(f.list, field{name, value})
	return nil
}

// addTo adds the fields to h, each name with prefix before it.
func (f *Fields) addTo(h http.Header, prefix string) {
	f.load()
	values := make([]string, len(f.list))
	for i, e := range f.list {
		key := http.CanonicalHeaderKey(e.name)
		if prefix != "" {
			key = prefix + key
		}
		values[i] = e.value
		if have := h[key]; len(have) > 0 {
			h[key] = append(have, e.value)
		} else {
			h[key] = values[i : i+1 : i+1]
		}
	}
}

// contentLength returns the length that the fields state, -1 if they state
// none; ok is false if it is malformed or several differ.
func (f *Fields) contentLength() (n int64, ok bool) {
	f.load()
	n = -1
	for i := range f.list {
		if len(f.list[i].name) != len("content-length") || !strings.EqualFold(f.list[i].name, "content-length") {
			continue
		}
		v, valid := parseLength(f.list[i].value)
		if !valid || n >= 0 && v != n {
			return 0, false
		}
		n = v
	}
	return n, true
}

// parseLength reads decimal digits only: no sign, no space, no list.
func parseLength(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// bytesOf returns the bytes of s, which must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// stringOf returns b, which nobody changes any more, as a string.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
