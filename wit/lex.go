package wit

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"latticework/internal/errcode"
)

// Limits on the text, which may come from anybody.
const (
	maxFileSize     = 4 << 20 // bytes of one file
	maxTypeDepth    = 100     // constructors within one type expression
	maxPackageDepth = 100     // packages within packages
)

// source is the text of one file.
type source struct {
	name string
	text string
}

// pos is a place in a source, in bytes from its start.
type pos struct {
	src *source
	off int
}

// String returns the place as file:line:column, both from 1; the column
// counts characters.
func (p pos) String() string {
	if p.src == nil {
		return "?"
	}
	before := p.src.text[:min(p.off, len(p.src.text))]
	line := 1 + strings.Count(before, "\n")
	start := strings.LastIndexByte(before, '\n') + 1
	return p.src.name + ":" + itoa(line) + ":" + itoa(1+utf8.RuneCountInString(before[start:]))
}

func itoa(n int) string {
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

// errorf returns an invalid error about a place.
func (p pos) errorf(format string, args ...any) error {
	return errcode.New(errcode.Invalid, "%s: "+format, append([]any{p}, args...)...)
}

// tokenKind is what a token is: punctuation stands for itself.
type tokenKind uint8

const (
	tokEOF     tokenKind = iota
	tokID                // without %, in token.text
	tokKeyword           // text is the keyword
	tokInteger           // text is its digits
	tokString            // text is the value
	tokPunct             // text is the punctuation
)

// token is one token; text is described at its kind.
type token struct {
	kind     tokenKind
	text     string
	off, end int
	// docs are the documentation comments right before the token.
	docs []docComment
}

type docComment struct {
	text string
	off  int
}

// describe names the token in an error.
func (t token) describe() string {
	switch t.kind {
	case tokEOF:
		return "eof"
	case tokID:
		return "an identifier"
	case tokKeyword:
		return "keyword `" + t.text + "`"
	case tokInteger:
		return "an integer"
	case tokString:
		return "a string"
	}
	return "'" + t.text + "'"
}

var keywords = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`as async bool borrow char constructor enum error-context export f32 f64
		flags from func future import include interface list map option own package record
		resource result s16 s32 s64 s8 static stream string tuple type u16 u32 u64 u8 use
		variant with world`) {
		m[w] = true
	}
	return m
})

// lexer splits a source into tokens, one at a time: a version is only
// recognisable where the parser expects one.
type lexer struct {
	src *source
	off int
}

// checkText refuses text that is not UTF-8, too large, or that would not read
// as it looks.
func checkText(src *source) error {
	if len(src.text) > maxFileSize {
		return errcode.New(errcode.Invalid, "%s: size of a file: %d > %d", src.name, len(src.text), maxFileSize)
	}
	for i, r := range src.text {
		p := pos{src, i}
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(src.text[i:], "\uFFFD"):
			return p.errorf("text is not valid UTF-8")
		case r == '\t', r == '\n', r == '\r':
		case isBidi(r):
			return p.errorf("found character %U, which changes the direction of text", r)
		case unicode.IsControl(r):
			return p.errorf("found control character %U", r)
		}
	}
	return nil
}

// isBidi reports whether r changes the direction of the text around it.
func isBidi(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// next returns the next token.
func (l *lexer) next() (token, error) {
	docs, err := l.skipSpace()
	if err != nil {
		return token{}, err
	}
	t, err := l.lex()
	t.docs = docs
	t.end = l.off
	return t, err
}

func (l *lexer) lex() (token, error) {
	start, text := l.off, l.src.text
	if start >= len(text) {
		return token{kind: tokEOF, off: start}, nil
	}
	c := text[start]
	switch {
	case isDigit(c):
		for l.off < len(text) && isDigit(text[l.off]) {
			l.off++
		}
		return token{kind: tokInteger, text: text[start:l.off], off: start}, nil
	case isLetter(c), c == '%':
		return l.lexID()
	case c == '"':
		return l.lexString()
	case strings.HasPrefix(text[start:], "->"):
		l.off += 2
		return token{kind: tokPunct, text: "->", off: start}, nil
	case strings.IndexByte("=,:;(){}<>*/.@_+-", c) >= 0:
		l.off++
		return token{kind: tokPunct, text: text[start:l.off], off: start}, nil
	}
	r, _ := utf8.DecodeRuneInString(text[start:])
	return token{off: start}, l.at(start).errorf("unexpected character %q", r)
}

func (l *lexer) at(off int) pos { return pos{l.src, off} }

// lexID reads an identifier or a keyword.
func (l *lexer) lexID() (token, error) {
	start, text := l.off, l.src.text
	explicit := text[start] == '%'
	if explicit {
		l.off++
	}
	from := l.off
	for l.off < len(text) && (isLetter(text[l.off]) || isDigit(text[l.off]) || text[l.off] == '-') {
		if strings.HasPrefix(text[l.off:], "->") {
			break
		}
		l.off++
	}
	id := text[from:l.off]
	if !explicit && keywords()[id] {
		return token{kind: tokKeyword, text: id, off: start}, nil
	}
	if why := checkKebab(id); why != "" {
		return token{off: start}, l.at(start).errorf("identifier %q is not in kebab-case: %s", id, why)
	}
	return token{kind: tokID, text: id, off: start}, nil
}

// checkKebab says why id is no identifier in kebab-case, or "".
func checkKebab(id string) string {
	if id == "" {
		return "it is empty"
	}
	for i, word := range strings.Split(id, "-") {
		if word == "" {
			return "it has an empty word"
		}
		if i == 0 && isDigit(word[0]) {
			return "it starts with a digit"
		}
		if strings.ToLower(word) != word && strings.ToUpper(word) != word {
			return "word \"" + word + "\" mixes upper and lower case"
		}
	}
	return ""
}

// version reads a semantic version that starts right here.
func (l *lexer) version() (string, error) {
	if _, err := l.skipSpace(); err != nil {
		return "", err
	}
	start, text := l.off, l.src.text
	for l.off < len(text) && isVersionByte(text, l.off) {
		l.off++
	}
	v := text[start:l.off]
	if v == "" {
		t, err := l.next()
		if err != nil {
			return "", err
		}
		return "", l.at(t.off).errorf("expected a version, found %s", t.describe())
	}
	if !ValidVersion(v) {
		return "", l.at(start).errorf("%q is not a semantic version", v)
	}
	return v, nil
}

// isVersionByte reports whether the byte at i can continue a version: a
// period only if more of the version follows, since "a:b/c@1.0.0.{d}" ends
// the version before it.
func isVersionByte(text string, i int) bool {
	c := text[i]
	if c == '.' {
		return i+1 < len(text) && text[i+1] != '.' && isVersionByte(text, i+1)
	}
	return isDigit(c) || isLetter(c) || c == '-' || c == '+'
}
