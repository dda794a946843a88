package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"latticework/internal/errcode"
)

// cursor is a value of the document and how it was reached.
type cursor struct {
	node *yaml.Node
	path string
}

func (c cursor) position() Position { return Position{c.node.Line, c.node.Column} }

func (c cursor) at(name string, node *yaml.Node) cursor {
	if c.path == "" {
		return cursor{node, name}
	}
	return cursor{node, c.path + "." + name}
}

// decoder walks one document. It goes on after a problem, so that all are
// found, and the Application is thrown away if there were any.
type decoder struct {
	folder   string // relative images are joined to it
	app      Application
	problems []Problem
	omitted  int // problems beyond maxProblems
	values   int // read so far; aliases count at each use

	// Where things were read, for the checks that hold them together.
	parts   map[string]cursor // by name; of the name
	links   []cursor          // as app.Links
	configs map[string]int    // by name; index in app.Configs
}

func newDecoder(folder string) *decoder {
	return &decoder{folder: folder, parts: map[string]cursor{}, configs: map[string]int{}}
}

// next completes a reported problem; on nil, a problem only counted, it does
// nothing.
func (p *Problem) next(format string, args ...any) {
	if p != nil {
		p.Next = fmt.Sprintf(format, args...)
	}
}

// nextOneOf proposes the candidate nearest to name, or lists them.
func (p *Problem) nextOneOf(name string, candidates ...string) {
	if p != nil {
		p.Next = oneOf(name, candidates)
	}
}

// report adds a problem. The result is valid until the next report; it is nil
// once there are maxProblems.
func (d *decoder) report(c cursor, code errcode.Code, format string, args ...any) *Problem {
	if len(d.problems) == maxProblems {
		d.omitted++
		return nil
	}
	p := Problem{Code: code, Path: c.path, Text: fmt.Sprintf(format, args...)}
	if c.node != nil {
		p.Position = c.position()
	}
	d.problems = append(d.problems, p)
	return &d.problems[len(d.problems)-1]
}

func (d *decoder) invalid(c cursor, format string, args ...any) *Problem {
	return d.report(c, errcode.Invalid, format, args...)
}

func (d *decoder) unsupported(c cursor, format string, args ...any) *Problem {
	return d.report(c, errcode.Unsupported, format, args...)
}

func (d *decoder) notice(c cursor, format string, args ...any) {
	d.app.Notices = append(d.app.Notices, Notice{c.position(), c.path, fmt.Sprintf(format, args...)})
}

// enter follows an alias and counts the value; false means stop here.
func (d *decoder) enter(c *cursor) bool {
	for c.node.Kind == yaml.AliasNode {
		c.node = c.node.Alias
	}
	d.values++
	if d.values == maxValues+1 {
		d.report(*c, errcode.Exhausted, "values of the manifest: more than %d, aliases counted at each use", maxValues)
	}
	return d.values <= maxValues
}

// kindName says what a value is, for messages.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return "the truth value " + n.Value
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "the date " + n.Value
	}
	return "a value tagged " + strconv.Quote(n.Tag)
}

// fields are what a map may hold: the function that reads each.
type fields map[string]func(cursor)

// object reads a map. Unknown and repeated keys are problems, as are required
// ones that are missing.
func (d *decoder) object(c cursor, known fields, required ...string) {
	if !d.enter(&c) {
		return
	}
	if c.node.Kind != yaml.MappingNode {
		d.invalid(c, "must be a map, is %s", kindName(c.node))
		return
	}
	seen := map[string]bool{}
	d.pairs(c, func(key string, k, v cursor) {
		seen[key] = true
		read, ok := known[key]
		if !ok {
			d.invalid(k, "unknown field %q", key).nextOneOf(key, slices.Collect(maps.Keys(known))...)
			return
		}
		read(v)
	})
	for _, name := range required {
		if !seen[name] {
			d.invalid(c, "field %q is missing", name)
		}
	}
}

// pairs calls f for each key of a map that is text and not repeated.
func (d *decoder) pairs(c cursor, f func(key string, k, v cursor)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(c.node.Content); i += 2 {
		keyNode, valueNode := c.node.Content[i], c.node.Content[i+1]
		key := cursor{keyNode, c.path}
		switch {
		case keyNode.Kind == yaml.ScalarNode && keyNode.ShortTag() == "!!merge":
			d.unsupported(key, "merge keys (<<)").next("write the fields out")
			continue
		case keyNode.Kind != yaml.ScalarNode || keyNode.ShortTag() != "!!str":
			d.invalid(key, "a key must be text, is %s", kindName(keyNode))
			continue
		}
		name := keyNode.Value
		if line, again := seen[name]; again {
			d.invalid(key, "field %q is given twice, first in line %d", name, line)
			continue
		}
		seen[name] = keyNode.Line
		f(name, key, c.at(name, valueNode))
	}
}

// list calls f for each entry.
func (d *decoder) list(c cursor, most int, f func(i int, c cursor)) {
	if !d.enter(&c) {
		return
	}
	if c.node.Kind != yaml.SequenceNode {
		d.invalid(c, "must be a list, is %s", kindName(c.node))
		return
	}
	if n := len(c.node.Content); n > most {
		d.report(c, errcode.Exhausted, "entries: %d > %d", n, most)
		return
	}
	for i, n := range c.node.Content {
		f(i, cursor{n, fmt.Sprintf("%s[%d]", c.path, i)})
	}
}

// text reads a value that must be text; ok is false after a problem.
func (d *decoder) text(c cursor) (string, bool) { return d.textUpTo(c, maxText) }

func (d *decoder) textUpTo(c cursor, most int) (string, bool) {
	if !d.enter(&c) {
		return "", false
	}
	if c.node.Kind != yaml.ScalarNode || c.node.ShortTag() != "!!str" {
		r := d.invalid(c, "must be text, is %s", kindName(c.node))
		switch c.node.ShortTag() {
		case "!!int", "!!float", "!!bool", "!!timestamp":
			r.next("put it in quotes: %q", c.node.Value)
		}
		return "", false
	}
	if len(c.node.Value) > most {
		d.report(c, errcode.Exhausted, "bytes of text: %d > %d", len(c.node.Value), most)
		return "", false
	}
	if i := strings.IndexFunc(c.node.Value, isControl); i >= 0 {
		d.invalid(c, "text has the control character %U at byte %d", []rune(c.node.Value[i:])[0], i)
		return "", false
	}
	return c.node.Value, true
}

func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }

// integer reads a whole number within [low, high]; 0 if there is none.
func (d *decoder) integer(c cursor, low, high int64) int64 {
	if !d.enter(&c) {
		return 0
	}
	if c.node.Kind != yaml.ScalarNode || c.node.ShortTag() != "!!int" {
		d.invalid(c, "must be a whole number, is %s", kindName(c.node))
		return 0
	}
	v, err := strconv.ParseInt(c.node.Value, 10, 64)
	switch {
	case err != nil:
		d.invalid(c, "must be a decimal number from %d to %d, is %s", low, high, c.node.Value)
		return 0
	case v < low:
		d.invalid(c, "%d < %d", v, low)
		return 0
	case v > high:
		d.invalid(c, "%d > %d", v, high)
		return 0
	}
	return v
}

// strings reads a map of texts with at most so many entries, each value of at
// most so many bytes.
func (d *decoder) strings(c cursor, most, bytes int) map[string]string {
	if !d.enter(&c) {
		return nil
	}
	if c.node.Kind != yaml.MappingNode {
		d.invalid(c, "must be a map, is %s", kindName(c.node))
		return nil
	}
	if n := len(c.node.Content) / 2; n > most {
		d.report(c, errcode.Exhausted, "entries: %d > %d", n, most)
		return nil
	}
	m := map[string]string{}
	d.pairs(c, func(key string, k, v cursor) {
		if key == "" || len(key) > maxText {
			d.invalid(k, "a key must have 1 to %d bytes, has %d", maxText, len(key))
			return
		}
		if value, ok := d.textUpTo(v, bytes); ok {
			m[key] = value
		}
	})
	return m
}

// name reads a name: letters, digits, - and _, up to maxName bytes, beginning
// and ending with a letter or digit, as it becomes part of a NATS subject.
func (d *decoder) name(c cursor) (string, bool) {
	s, ok := d.text(c)
	if !ok {
		return "", false
	}
	if why := checkName(s); why != "" {
		d.invalid(c, "%q %s", s, why)
		return "", false
	}
	return s, true
}

func checkName(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxName:
		return fmt.Sprintf("is too long: %d > %d bytes", len(s), maxName)
	case !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]):
		return "must begin and end with a letter or digit"
	}
	for i := range len(s) {
		if !alphanumeric(s[i]) && s[i] != '-' && s[i] != '_' {
			return "may hold letters, digits, - and _ only"
		}
	}
	return ""
}

func alphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// kebab reads a name of WIT: a namespace, package or interface.
func (d *decoder) kebab(c cursor) (string, bool) {
	s, ok := d.text(c)
	if !ok {
		return "", false
	}
	if base, version, found := strings.Cut(s, "@"); found && isKebab(base) {
		d.invalid(c, "%q has a version: the component's import has it (%s)", s, version).next("write %q", base)
		return "", false
	}
	if !isKebab(s) {
		d.invalid(c, "%q is no WIT name (words of letters and digits, joined by -)", s)
		return "", false
	}
	return s, true
}

func isKebab(s string) bool {
	if len(s) > maxName {
		return false
	}
	for word := range strings.SplitSeq(s, "-") {
		if word == "" || '0' <= word[0] && word[0] <= '9' {
			return false
		}
		if word != strings.ToLower(word) && word != strings.ToUpper(word) {
			return false
		}
		for i := range len(word) {
			if !alphanumeric(word[i]) {
				return false
			}
		}
	}
	return true
}

// unique appends name to list, or reports it as given twice.
func (d *decoder) unique(c cursor, list []string, name string) []string {
	if slices.Contains(list, name) {
		d.invalid(c, "%q is given twice", name)
		return list
	}
	return append(list, name)
}
