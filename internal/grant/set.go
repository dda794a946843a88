package grant

import (
	"slices"

	"latticework/internal/errcode"
)

// Kind says what a grant is about; it is the name of the flag and of the
// manifest's field.
type Kind string

// The kinds.
const (
	KindDir Kind = "dir"
	KindEnv Kind = "env"
	KindNet Kind = "net"
	KindArg Kind = "arg"
)

// Kinds returns all kinds in the order of help texts.
func Kinds() []Kind { return []Kind{KindDir, KindEnv, KindNet, KindArg} }

// Set is everything that one component is granted. The zero value is nothing.
type Set struct {
	Dirs []Dir // under different guest paths
	Env  []Var // of different names
	Net  Policy
	Args []string
}

// Add reads one grant.
//
// Errors: invalid if it is malformed, or contradicts an earlier one.
func (s *Set) Add(kind Kind, text string) error {
	switch kind {
	case KindDir:
		d, err := ParseDir(text)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(s.Dirs, func(o Dir) bool { return o.Guest == d.Guest }) {
			return errcode.New(errcode.Invalid, "folder %q: guest path %q is given twice", text, d.Guest).WithNext("give each folder a guest path of its own")
		}
		s.Dirs = append(s.Dirs, d)
	case KindEnv:
		v, err := ParseVar(text)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(s.Env, func(o Var) bool { return o.Name == v.Name }) {
			return errcode.New(errcode.Invalid, "environment variable %q is given twice", v.Name).WithNext("give it once")
		}
		s.Env = append(s.Env, v)
	case KindNet:
		rules, err := ParseNet(text)
		if err != nil {
			return err
		}
		s.Net.Rules = append(s.Net.Rules, rules...)
	case KindArg:
		s.Args = append(s.Args, text)
	default:
		return errcode.New(errcode.Invalid, "there is no grant of kind %q", kind)
	}
	return nil
}

// Inherit gives variables that are passed through their values. lookup is
// [os.LookupEnv] or one like it.
//
// Errors: not_found if one is not set.
func (s *Set) Inherit(lookup func(string) (string, bool)) error {
	for i := range s.Env {
		v := &s.Env[i]
		if !v.Inherit {
			continue
		}
		value, ok := lookup(v.Name)
		if !ok {
			return errcode.New(errcode.NotFound, "environment variable %q is to be passed through, but is not set", v.Name).
				WithNext("set it, or give its value: %s=VALUE", v.Name)
		}
		v.Value, v.Inherit = value, false
	}
	return nil
}
