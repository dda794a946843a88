package compose

import (
	"bytes"
	"errors"
	"strings"

	"latticework/internal/errcode"
)

// NotComponentError says that a part is not a valid component.
type NotComponentError struct {
	Part string
	// Err says why; nil if it does not even begin like one.
	Err  error
	core bool
}

func notComponent(p Part, err error) error {
	return &NotComponentError{Part: p.Name, Err: err, core: bytes.HasPrefix(p.Data, []byte("\x00asm\x01\x00\x00\x00"))}
}

func (e *NotComponentError) Error() string {
	switch {
	case e.Err != nil:
		return "compose " + e.Part + ": " + e.Err.Error()
	case e.core:
		return "compose " + e.Part + ": a core module is not a component"
	}
	return "compose " + e.Part + ": not a WebAssembly component"
}

// Unwrap returns the code, with the cause behind it.
func (e *NotComponentError) Unwrap() []error {
	next := ""
	if e.core {
		next = "make a component of it with `wasm-tools component new`"
	}
	if e.Err == nil {
		return coded(errcode.Invalid, e.Error(), next, nil)
	}
	return coded(errcode.Of(e.Err), e.Error(), next, e.Err)
}

// NothingError says that a plug exports nothing that the socket imports.
type NothingError struct {
	Socket, Plug     string
	Imports, Exports []string
	// Close are pairs of an import and an export that look alike, such as
	// other versions of the same interface.
	Close [][2]string
}

func (e *NothingError) Error() string {
	var b strings.Builder
	b.WriteString("compose: nothing to plug: " + e.Plug + " exports " + list(e.Exports) + ", " + e.Socket + " imports " + list(e.Imports))
	for i, c := range e.Close {
		b.WriteString([]string{"; close: ", ", "}[min(i, 1)] + c[1] + " for " + c[0])
	}
	return b.String()
}

// Unwrap returns the code.
func (e *NothingError) Unwrap() []error {
	next := "plug a component that exports what is imported, under the same name"
	if len(e.Close) > 0 {
		next = "build one of them against the other's version and package"
	}
	return coded(errcode.NotFound, e.Error(), next, nil)
}

// maxListed is how many names an error lists.
const maxListed = 20

func list(names []string) string {
	switch {
	case len(names) == 0:
		return "nothing"
	case len(names) > maxListed:
		return strings.Join(names[:maxListed], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// DuplicateError says that two plugs provide one import.
type DuplicateError struct {
	Import        string
	First, Second string // the plugs
}

func (e *DuplicateError) Error() string {
	return "compose: import " + e.Import + " is provided by both " + e.First + " and " + e.Second
}

// Unwrap returns the code.
func (e *DuplicateError) Unwrap() []error {
	return coded(errcode.Conflict, e.Error(), "plug only one of them", nil)
}

// MismatchError says that two sides of a name do not fit.
type MismatchError struct {
	// Import is the name as Socket imports it; Export is what Plug has for
	// it: an export, or an import that should have been the same.
	Socket, Import string
	Plug, Export   string
	Err            error
}

func (e *MismatchError) Error() string {
	return "compose: " + e.Export + " of " + e.Plug + " does not fit " + e.Import + " of " + e.Socket + ": " + e.Err.Error()
}

// Unwrap returns the code, with the cause behind it.
func (e *MismatchError) Unwrap() []error {
	return coded(errcode.Invalid, e.Error(), "build both against the same WIT package", e.Err)
}

func coded(code errcode.Code, msg, next string, cause error) []error {
	coded := &errcode.Error{Code: code, Msg: msg, Next: next}
	if cause == nil {
		return []error{coded}
	}
	return []error{coded, cause}
}

// errMismatch says how two types differ.
func errMismatch(format string, args ...any) error {
	return errcode.New(errcode.Invalid, format, args...)
}

// within adds where a mismatch is.
func within(what, name string, err error) error {
	if err == nil {
		return nil
	}
	var e *errcode.Error
	if errors.As(err, &e) {
		return errcode.New(e.Code, "%s %q: %w", what, name, err)
	}
	return errcode.New(errcode.Of(err), "%s %q: %w", what, name, err)
}
