package value

import (
	"strings"

	"latticework/internal/errcode"
	"latticework/wit"
)

// Call is a call as a person types it: ns:pkg/iface@1.0.0.func(1, "two").
type Call struct {
	// Interface is the qualified name, "" for a function that the component
	// itself exports.
	Interface string
	// Func is the function's name: "get", "[method]bucket.get".
	Func string

	text string
	args int // where in text the arguments begin
}

// ParseCall reads the names of a call and checks that its parentheses match;
// the arguments are read by [Call.Args] once the function's type is known.
//
// Errors: invalid with the column.
func ParseCall(text string) (*Call, error) {
	s := &scanner{text: text}
	s.space()
	head, _, found := strings.Cut(text[s.off:], "(")
	if !found {
		s.off = len(text)
		return nil, s.want(`"(" and the arguments`)
	}
	c := &Call{text: text, args: s.off + len(head) + 1}
	name := strings.TrimRight(head, " \t\r\n")
	c.Func = name
	dot := strings.Index(name, ".[")
	if dot < 0 && !strings.HasPrefix(name, "[") {
		dot = strings.LastIndexByte(name, '.')
	}
	if dot >= 0 {
		c.Interface, c.Func = name[:dot], name[dot+1:]
	}
	if i := strings.IndexAny(name, " \t\r\n\"'"); i >= 0 {
		return nil, s.errorAt(s.off+i, "want the name of a function, have %q", name)
	}
	if dot == 0 {
		return nil, s.errorAt(s.off, "want an interface before \".%s\"", c.Func)
	}
	if c.Func == "" || strings.ContainsAny(c.Func, "/:@") || !isLetter(c.Func[0]) && c.Func[0] != '[' {
		return nil, s.errorAt(s.off+max(dot, 0), "%q names no function: write interface.function(arguments)", name)
	}
	s.off = c.args
	if err := s.balance(); err != nil {
		return nil, err
	}
	return c, s.end()
}

// balance skips to behind the parenthesis that closes the call.
func (s *scanner) balance() error {
	open := []int{s.off - 1}
	for {
		c := s.peek()
		at := s.off
		switch c {
		case 0:
			return s.errorAt(open[len(open)-1], "%q is not closed", s.text[open[len(open)-1]])
		case '"':
			if _, err := s.string(); err != nil {
				return err
			}
			continue
		case '\'':
			if _, err := s.char(); err != nil {
				return err
			}
			continue
		case '(', '[', '{':
			open = append(open, at)
		case ')', ']', '}':
			if last := s.text[open[len(open)-1]]; closing(last) != c {
				return s.errorAt(at, "%q does not close %q", c, last)
			}
			open = open[:len(open)-1]
		}
		s.off++
		if len(open) == 0 {
			return nil
		}
	}
}

func closing(opening byte) byte {
	switch opening {
	case '(':
		return ')'
	case '[':
		return ']'
	}
	return '}'
}

// Args reads the arguments of a function with the given parameters.
//
// Errors: as for [Parse], and invalid if there are more or fewer arguments.
func (c *Call) Args(params []wit.Param) ([]Value, error) {
	s := &scanner{text: c.text, off: c.args - 1}
	vs := make([]Value, 0, len(params))
	err := s.sequence('(', ')', func(i int) error {
		if i >= len(params) {
			return s.errorAt(s.start(), "%s takes %s, no more", c.Func, describe(params))
		}
		v, err := s.value(params[i].Type, 0)
		if err != nil {
			return errcode.New(errcode.Of(err), "argument %s: %w", params[i].Name, err)
		}
		vs = append(vs, v)
		return nil
	})
	if err == nil && len(vs) < len(params) {
		s.off--
		err = s.errorAt(s.off, "%s takes %s, have %d", c.Func, describe(params), len(vs))
	}
	if err != nil {
		return nil, err
	}
	return vs, nil
}

// describe lists parameters.
func describe(params []wit.Param) string {
	if len(params) == 0 {
		return "no arguments"
	}
	return "(" + names(len(params), func(i int) string {
		return params[i].Name + ": " + kindName(params[i].Type)
	}) + ")"
}
