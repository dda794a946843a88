package wit

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// skipSpace skips white space and comments and returns the comments, all of
// which document what follows.
func (l *lexer) skipSpace() ([]docComment, error) {
	var docs []docComment
	text := l.src.text
	for l.off < len(text) {
		rest := text[l.off:]
		n := 0
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.off++
			continue
		case strings.HasPrefix(rest, "//"):
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
		case strings.HasPrefix(rest, "/*"):
			var err error
			if n, err = l.blockComment(); err != nil {
				return nil, err
			}
		default:
			return docs, nil
		}
		docs = append(docs, docComment{rest[:n], l.off})
		l.off += n
	}
	return docs, nil
}

// explicit reports whether the comment is marked as documentation.
func (d docComment) explicit() bool {
	return strings.HasPrefix(d.text, "///") || strings.HasPrefix(d.text, "/**")
}

// lines returns the text of a comment without its marks.
func (d docComment) lines() []string {
	text := d.text
	if inner, ok := strings.CutPrefix(text, "/**"); ok && len(text) >= len("/***/") {
		text = strings.TrimSpace(strings.TrimSuffix(inner, "*/"))
	} else {
		text = strings.TrimLeft(text, "/")
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	return lines
}

// joinDocs makes one text of comments, without the indentation that all lines
// have in common.
func joinDocs(docs []docComment) string {
	var lines []string
	for _, d := range docs {
		lines = append(lines, d.lines()...)
	}
	common := -1
	for _, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if line != "" && (common < 0 || indent < common) {
			common = indent
		}
	}
	for i, line := range lines {
		if line != "" {
			lines[i] = line[common:]
		}
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// blockComment returns the length of the comment that starts here; comments
// nest.
func (l *lexer) blockComment() (int, error) {
	rest, depth := l.src.text[l.off:], 0
	for i := 0; i < len(rest); {
		switch {
		case strings.HasPrefix(rest[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(rest[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i, nil
			}
		default:
			i++
		}
	}
	return 0, l.at(l.off).errorf("unterminated block comment")
}

// lexString reads a string literal with the escapes of the core text format.
func (l *lexer) lexString() (token, error) {
	start, text := l.off, l.src.text
	var b strings.Builder
	for l.off = start + 1; l.off < len(text); {
		c := text[l.off]
		switch {
		case c == '"':
			l.off++
			if !utf8.ValidString(b.String()) {
				return token{off: start}, l.at(start).errorf("string literal is not valid UTF-8")
			}
			return token{kind: tokString, text: b.String(), off: start}, nil
		case c == '\n':
			return token{off: start}, l.at(start).errorf("unterminated string literal")
		case c != '\\':
			b.WriteByte(c)
			l.off++
		default:
			if err := l.lexEscape(&b); err != nil {
				return token{off: start}, err
			}
		}
	}
	return token{off: start}, l.at(start).errorf("unterminated string literal")
}

// lexEscape reads one escape sequence into b.
func (l *lexer) lexEscape(b *strings.Builder) error {
	rest := l.src.text[l.off:]
	bad := func() error { return l.at(l.off).errorf("invalid escape sequence in a string literal") }
	if len(rest) < 2 {
		return bad()
	}
	if i := strings.IndexByte(`tnr"'\`, rest[1]); i >= 0 {
		b.WriteByte("\t\n\r\"'\\"[i])
		l.off += 2
		return nil
	}
	if digits, ok := strings.CutPrefix(rest, `\u{`); ok {
		digits, _, ok = strings.Cut(digits, "}")
		n, err := strconv.ParseUint(digits, 16, 32)
		if !ok || err != nil || n > unicode.MaxRune || n >= 0xd800 && n < 0xe000 {
			return bad()
		}
		b.WriteRune(rune(n))
		l.off += len(`\u{}`) + len(digits)
		return nil
	}
	n, err := strconv.ParseUint(rest[1:min(3, len(rest))], 16, 8)
	if err != nil || len(rest) < 3 {
		return bad()
	}
	b.WriteByte(byte(n))
	l.off += 3
	return nil
}
