package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"latticework/internal/errcode"
)

// scanner reads WAVE text: https://docs.rs/wasm-wave gives the grammar.
type scanner struct {
	text string
	off  int
}

// errorAt returns an error that names the column, and the line where there
// are several, of byte off.
func (s *scanner) errorAt(off int, format string, args ...any) error {
	before := s.text[:off]
	line := strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	where := fmt.Sprintf("column %d", column)
	if line > 0 {
		where = fmt.Sprintf("line %d, %s", line+1, where)
	}
	return errcode.New(errcode.Invalid, "parse %s: "+format, append([]any{where}, args...)...)
}

// want returns an error that says what was expected where the scanner stands.
func (s *scanner) want(what string) error {
	return s.errorAt(s.off, "want %s, have %s", what, s.found())
}

// found describes what is next, shortened.
func (s *scanner) found() string {
	rest := s.text[s.off:]
	if rest == "" {
		return "the end"
	}
	n := strings.IndexAny(rest, " \t\r\n,)]}")
	switch {
	case n < 0:
		n = len(rest)
	case n == 0:
		_, n = utf8.DecodeRuneInString(rest)
	}
	if n <= 24 {
		return strconv.Quote(rest[:n])
	}
	for n = 24; n > 20 && !utf8.RuneStart(rest[n]); n-- {
	}
	return strconv.Quote(rest[:n]) + "…"
}

// space skips white space and comments.
func (s *scanner) space() {
	for s.off < len(s.text) {
		switch c := s.text[s.off]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			s.off++
		case strings.HasPrefix(s.text[s.off:], "//"):
			n := strings.IndexByte(s.text[s.off:], '\n')
			if n < 0 {
				n = len(s.text) - s.off
			}
			s.off += n
		default:
			return
		}
	}
}

// peek returns the next byte after white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.off == len(s.text) {
		return 0
	}
	return s.text[s.off]
}

// accept consumes c if it is next after white space.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.off++
	return true
}

func (s *scanner) expect(c byte) error {
	if !s.accept(c) {
		return s.want(strconv.Quote(string(c)))
	}
	return nil
}

// end fails unless only white space is left.
func (s *scanner) end() error {
	if s.space(); s.off < len(s.text) {
		return s.want("the end")
	}
	return nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// label reads a label. escaped says that it had a %, so that it is none of
// the keywords; a label of "" means that none is next.
func (s *scanner) label() (name string, escaped bool) {
	s.space()
	start := s.off
	escaped = start < len(s.text) && s.text[start] == '%'
	i := start
	if escaped {
		i++
	}
	begin := i
	for i < len(s.text) && (isLetter(s.text[i]) || i > begin && (isDigit(s.text[i]) ||
		s.text[i] == '-' && i+1 < len(s.text) && (isLetter(s.text[i+1]) || isDigit(s.text[i+1])))) {
		i++
	}
	if i == begin {
		return "", false
	}
	s.off = i
	return s.text[begin:i], escaped
}

// number reads a number's text, "" if none is next.
func (s *scanner) number() string {
	s.space()
	i := s.off
	if i < len(s.text) && s.text[i] == '-' {
		i++
	}
	for i < len(s.text) && (isDigit(s.text[i]) || isLetter(s.text[i]) || s.text[i] == '.' ||
		i > s.off && (s.text[i] == '+' || s.text[i] == '-') && s.text[i-1]|0x20 == 'e') {
		i++
	}
	text := s.text[s.off:i]
	s.off = i
	return text
}

// digits returns how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

// whole returns what follows the integer that s begins with: a sign or none,
// and digits, which begin with 0 only if that is all. ok is false without one.
func whole(s string) (rest string, ok bool) {
	s = strings.TrimPrefix(s, "-")
	n := digits(s)
	return s[n:], n == 1 || n > 1 && s[0] != '0'
}

func isInteger(s string) bool {
	rest, ok := whole(s)
	return ok && rest == ""
}

// isFloat reports whether s is an integer, a fraction or none, and an exponent
// or none.
func isFloat(s string) bool {
	s, ok := whole(s)
	if fraction, found := strings.CutPrefix(s, "."); ok && found {
		n := digits(fraction)
		s, ok = fraction[n:], n > 0
	}
	if ok && s != "" && s[0]|0x20 == 'e' {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		s, ok = s[n:], n > 0
	}
	return ok && s == ""
}

func (s *scanner) signed(kind string, bits int) (int64, error) {
	start := s.start()
	text := s.number()
	if !isInteger(text) {
		s.off = start
		return 0, s.want(kind)
	}
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return 0, s.errorAt(start, "%s is no %s, which is from %d to %d", text, kind, int64(-1)<<(bits-1), int64(1)<<(bits-1)-1)
	}
	return n, nil
}

func (s *scanner) unsigned(kind string, bits int) (uint64, error) {
	start := s.start()
	text := s.number()
	if !isInteger(text) {
		s.off = start
		return 0, s.want(kind)
	}
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return 0, s.errorAt(start, "%s is no %s, which is from 0 to %d", text, kind, uint64(math.MaxUint64)>>(64-bits))
	}
	return n, nil
}

func (s *scanner) float(kind string, bits int) (float64, error) {
	start := s.start()
	text := s.number()
	switch text {
	case "nan":
		return math.NaN(), nil
	case "inf":
		return math.Inf(1), nil
	case "-inf":
		return math.Inf(-1), nil
	}
	if !isFloat(text) {
		s.off = start
		return 0, s.want(kind)
	}
	f, err := strconv.ParseFloat(text, bits)
	if err != nil {
		return 0, s.errorAt(start, "%s is too large for %s", text, kind)
	}
	return f, nil
}

// start skips white space and returns where the next token begins.
func (s *scanner) start() int {
	s.space()
	return s.off
}
