package bindgen

import (
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"
)

// camel turns a kebab-case name into an exported Go name: the first letter of
// each word is raised, the rest stays as it is.
func camel(kebab string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(kebab, "-") {
		r, n := utf8.DecodeRuneInString(word)
		if n > 0 {
			b.WriteRune(unicode.ToUpper(r))
			b.WriteString(word[n:])
		}
	}
	return b.String()
}

// paramName turns a kebab-case name into a Go parameter name that neither is a
// keyword nor hides an identifier which emitted signatures use.
func paramName(kebab string) string {
	name := lowerFirst(camel(strings.ToLower(kebab)))
	switch name {
	case "ctx", "inst", "err", "m", "call", "exports", "self", "guests", "lower", "lift", "result", "failure", "abi", "wit", "context", "len", "cap", "copy",
		"new", "make", "append", "string", "error", "bool", "byte", "rune",
		"any", "min", "max", "close", "print", "clear", "delete", "nil",
		"true", "false", "iota", "uint8", "uint16", "uint32", "uint64",
		"int8", "int16", "int32", "int64", "float32", "float64":
		return name + "_"
	}
	if token.IsKeyword(name) {
		return name + "_"
	}
	return name
}

// lowerFirst lowers the first letter of an ASCII name.
func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
