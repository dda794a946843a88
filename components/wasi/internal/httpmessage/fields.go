package httpmessage

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"unsafe"

	"latticework/internal/errcode"
	"latticework/wit/abi"
)

// Limits on one set of fields that a guest makes; what is received was limited
// by the server or client that read it.
const (
	MaxFieldCount = 1024
	MaxFieldBytes = 256 << 10
)

// Why fields could not be changed. A limit that was hit is an error with code
// exhausted.
var (
	ErrSyntax    = errors.New("a name or a value has characters that HTTP does not allow")
	ErrForbidden = errors.New("guests do not set this field")
	ErrImmutable = errors.New("the fields belong to a message")
)

// field is one name and value. The value is bytes; it is kept as a string
// because net/http wants one.
type field struct{ name, value string }

// Fields is a list of header or trailer fields: received ones, or ones that a
// guest makes. Once it is part of a message it is immutable. It is used where
// it was made and not copied.
type Fields struct {
	list []field
	// received holds fields that are not in list yet; nil from then on.
	received  http.Header
	immutable bool
	bytes     int // of names and values in list, as far as a guest added them
	limits    FieldLimits
	few       [4]field
}

// FieldLimits bound one set of fields that a guest makes; 0 stands for
// MaxFieldCount and MaxFieldBytes.
type FieldLimits struct{ Count, Bytes int }

func (l FieldLimits) count() int {
	if l.Count > 0 {
		return l.Count
	}
	return MaxFieldCount
}

func (l FieldLimits) bytes() int {
	if l.Bytes > 0 {
		return l.Bytes
	}
	return MaxFieldBytes
}

// Limit bounds what is added to f, and to its copies.
func (f *Fields) Limit(l FieldLimits) { f.limits = l }

// Init makes f empty and mutable.
func (f *Fields) Init() { f.list = f.few[:0] }

// Receive makes f immutable and the fields of h, which must not change.
func (f *Fields) Receive(h http.Header) { f.received, f.immutable = h, true }

// Freeze takes f over for a message. From then on it is safe for concurrent
// use.
func (f *Fields) Freeze() {
	f.load()
	f.immutable = true
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
		if !IsForbidden(name) {
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
	if f.received == nil || IsForbidden(name) {
		return nil, f.received != nil
	}
	return f.received[http.CanonicalHeaderKey(name)], true
}

// Get returns all values of a name in order; the bytes must not be changed.
func (f *Fields) Get(name string) [][]byte {
	if vs, ok := f.values(name); ok {
		out := make([][]byte, len(vs))
		for i, v := range vs {
			out[i] = bytesOf(v)
		}
		return out
	}
	var out [][]byte
	for i := range f.list {
		if strings.EqualFold(f.list[i].name, name) {
			out = append(out, bytesOf(f.list[i].value))
		}
	}
	return out
}

// Has reports whether a name occurs.
func (f *Fields) Has(name string) bool {
	if vs, ok := f.values(name); ok {
		return len(vs) > 0
	}
	_, ok := f.Spelling(name)
	return ok
}

// Spelling returns how the first field with that name spells it.
func (f *Fields) Spelling(name string) (string, bool) {
	for i := range f.list {
		if have := f.list[i].name; len(have) == len(name) && strings.EqualFold(have, name) {
			return have, true
		}
	}
	return "", false
}

// Set replaces all values of a name; the values are f's from now on.
func (f *Fields) Set(name string, values [][]byte) error {
	if err := checkField(name, values...); err != nil {
		return err
	}
	if f.immutable {
		return ErrImmutable
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
func (f *Fields) Delete(name string) error {
	if err := checkField(name); err != nil {
		return err
	}
	if f.immutable {
		return ErrImmutable
	}
	f.remove(name)
	return nil
}

// Append adds a value to those of a name; the value is f's from now on.
func (f *Fields) Append(name string, value []byte) error {
	if err := checkField(name, value); err != nil {
		return err
	}
	if f.immutable {
		return ErrImmutable
	}
	return f.add(name, stringOf(value))
}

// Entries returns all fields; the bytes must not be changed.
func (f *Fields) Entries() []abi.Tuple2[string, []byte] {
	f.load()
	out := make([]abi.Tuple2[string, []byte], len(f.list))
	for i, e := range f.list {
		out[i] = abi.Tuple2[string, []byte]{F0: e.name, F1: bytesOf(e.value)}
	}
	return out
}

// Copy makes f, which is new, a mutable copy of src.
func (f *Fields) Copy(src *Fields) {
	src.load()
	f.limits = src.limits
	f.list = append(f.few[:0], src.list...)
	for _, e := range f.list {
		f.bytes += len(e.name) + len(e.value)
	}
}

// Len returns how many fields there are.
func (f *Fields) Len() int {
	f.load()
	return len(f.list)
}

// Bytes returns how many bytes of names and values a guest added.
func (f *Fields) Bytes() int { return f.bytes }

// checkField returns what is wrong with a name and values.
func checkField(name string, values ...[]byte) error {
	if !IsToken(name) {
		return ErrSyntax
	}
	if IsForbidden(name) {
		return ErrForbidden
	}
	for _, v := range values {
		if !isFieldValue(stringOf(v)) {
			return ErrSyntax
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
	if n, most := len(f.list)+1, f.limits.count(); n > most {
		return errcode.New(errcode.Exhausted, "add field: fields: %d > %d", n, most)
	}
	if n, most := f.bytes+len(name)+len(value), f.limits.bytes(); n > most {
		return errcode.New(errcode.Exhausted, "add field: bytes: %d > %d", n, most)
	}
	f.bytes += len(name) + len(value)
	f.list = append(f.list, field{name, value})
	return nil
}

// AddTo adds the fields to h, each name with prefix before it.
func (f *Fields) AddTo(h http.Header, prefix string) {
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

// ContentLength returns the length that the fields state, -1 if they state
// none; ok is false if it is malformed or several differ.
func (f *Fields) ContentLength() (n int64, ok bool) {
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
