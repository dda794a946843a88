package value

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// char reads a char in single quotes.
func (s *scanner) char() (rune, error) {
	start := s.start()
	if !s.accept('\'') {
		return 0, s.want("char, such as 'a'")
	}
	if s.off < len(s.text) && s.text[s.off] == '\'' {
		return 0, s.errorAt(start, "char is empty")
	}
	r, err := s.rune('\'')
	if err != nil {
		return 0, err
	}
	if s.off == len(s.text) || s.text[s.off] != '\'' {
		return 0, s.errorAt(start, "char does not end after one character; a string has double quotes")
	}
	s.off++
	return r, nil
}

// string reads a string in double quotes, or one of several lines in three.
func (s *scanner) string() (string, error) {
	start := s.start()
	if strings.HasPrefix(s.text[s.off:], `"""`) {
		return s.lines()
	}
	if !s.accept('"') {
		return "", s.want("string in double quotes")
	}
	var out strings.Builder
	for {
		if s.off == len(s.text) {
			return "", s.errorAt(start, "string has no closing quote")
		}
		if s.text[s.off] == '"' {
			s.off++
			return out.String(), nil
		}
		r, err := s.rune('"')
		if err != nil {
			return "", err
		}
		out.WriteRune(r)
	}
}

// lines reads a string of several lines: the indentation of the closing
// quotes is taken off every line, and so is the last line break.
func (s *scanner) lines() (string, error) {
	start := s.off
	s.off += 3
	rest := s.text[s.off:]
	switch {
	case strings.HasPrefix(rest, "\n"):
		s.off++
	case strings.HasPrefix(rest, "\r\n"):
		s.off += 2
	default:
		return "", s.want("a line break after \"\"\"")
	}
	var lines []string
	for {
		indent := 0
		for s.off < len(s.text) && s.text[s.off] == ' ' {
			s.off, indent = s.off+1, indent+1
		}
		if strings.HasPrefix(s.text[s.off:], `"""`) {
			s.off += 3
			return s.dedent(start, lines, indent)
		}
		var line strings.Builder
		line.WriteString(strings.Repeat(" ", indent))
		for s.off < len(s.text) && s.text[s.off] != '\n' && !strings.HasPrefix(s.text[s.off:], "\r\n") {
			if strings.HasPrefix(s.text[s.off:], `"""`) {
				return "", s.errorAt(s.off, "closing \"\"\" must stand on its own line")
			}
			r, err := s.rune(0)
			if err != nil {
				return "", err
			}
			line.WriteRune(r)
		}
		if s.off == len(s.text) {
			return "", s.errorAt(start, "string has no closing \"\"\"")
		}
		s.off = s.off + strings.IndexByte(s.text[s.off:], '\n') + 1
		lines = append(lines, line.String())
	}
}

func (s *scanner) dedent(start int, lines []string, indent int) (string, error) {
	prefix := strings.Repeat(" ", indent)
	for i, line := range lines {
		cut, ok := strings.CutPrefix(line, prefix)
		if !ok && strings.TrimLeft(line, " ") != "" {
			return "", s.errorAt(start, "line %d of the string is indented less than its closing \"\"\"", i+1)
		}
		if !ok {
			cut = ""
		}
		lines[i] = cut
	}
	return strings.Join(lines, "\n"), nil
}

// rune reads one character or escape; quote must be escaped.
func (s *scanner) rune(quote byte) (rune, error) {
	start := s.off
	r, n := utf8.DecodeRuneInString(s.text[s.off:])
	switch {
	case n == 0:
		return 0, s.want("a character")
	case r == utf8.RuneError && n == 1:
		return 0, s.errorAt(start, "not valid UTF-8")
	case r == '\n':
		return 0, s.errorAt(start, "line break inside quotes: write \\n")
	case r != '\\':
		s.off += n
		return r, nil
	}
	s.off++
	if s.off == len(s.text) {
		return 0, s.want("an escape")
	}
	c := s.text[s.off]
	s.off++
	switch c {
	case '\'', '"', '\\':
		return rune(c), nil
	case 't':
		return '\t', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 'u':
		rest := s.text[s.off:]
		if end := strings.IndexByte(rest, '}'); end > 1 && end <= 9 && rest[0] == '{' {
			code, err := strconv.ParseUint(rest[1:end], 16, 32)
			if err == nil && code <= unicode.MaxRune && utf8.ValidRune(rune(code)) {
				s.off += end + 1
				return rune(code), nil
			}
		}
		return 0, s.errorAt(start, "escape is not \\u{…} with the hexadecimal number of a character")
	}
	return 0, s.errorAt(start, "unknown escape: there are \\' \\\" \\\\ \\t \\n \\r and \\u{…}")
}

// quote writes text with escapes between quotes.
func quote(out *strings.Builder, q rune, text string) {
	out.WriteRune(q)
	for _, r := range text {
		switch {
		case r == '\\' || r == q:
			out.WriteRune('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			fmt.Fprintf(out, `\u{%x}`, r)
		}
	}
	out.WriteRune(q)
}
