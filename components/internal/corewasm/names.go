package corewasm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// maxName is how many bytes of a function's name are shown.
const maxName = 120

// maxNames is how many functions of a module have names.
const maxNames = 1 << 16

// Names are what a module calls its functions, for messages. They are kept as
// the module has them, in few bytes, and read when somebody first asks. Safe
// for concurrent use.
type Names struct {
	imported uint32 // functions that the module imports
	shift    uint32 // what the rewriter added before the module's own functions
	raw      []byte // an index and a name each, as in a name section
	once     sync.Once
	at       []nameAt // guarded by once; by index
}

type nameAt struct{ index, offset uint32 }

// Names returns the names of m's functions as they are numbered after Rewrite
// with cfg: those of its name section or, without one, of its exports, and those
// of the exports that lower added. It keeps at most budget bytes, the names of
// the first functions. What is malformed is left out: nothing depends on names.
func (m *Module) Names(cfg RewriteConfig, budget int) *Names {
	n := &Names{imported: uint32(m.importFns), shift: uint32(m.added(cfg.Refill.Module != ""))}
	raw := slices.Clip(m.functionNames())
	none := len(raw) == 0
	for _, e := range m.Exports {
		if added := m.wrappers > 0 && e.Index >= m.wrappers; e.Kind == KindFunc && (none || added) && len(raw) < budget {
			raw = appendName(appendLEB(raw, uint64(e.Index)), e.Name)
		}
	}
	r := &reader{data: raw, end: len(raw)}
	end := 0
	for count := 0; r.left() > 0 && count < maxNames; count++ {
		r.u32()
		if r.bytes(); r.err != nil || r.pos > budget {
			break
		}
		end = r.pos
	}
	n.raw = bytes.Clone(raw[:end])
	return n
}

// functionNames returns the entries of the name section's functions.
func (m *Module) functionNames() []byte {
	r := &reader{data: m.data, pos: m.names.start, end: m.names.end}
	for r.left() > 0 {
		id := r.byte()
		size := r.leb(32)
		start := r.pos
		if r.skip(size); r.err != nil {
			return nil
		}
		if id == 1 {
			r = &reader{data: m.data, pos: start, end: r.pos}
			if r.u32(); r.err != nil {
				return nil
			}
			return m.data[r.pos:r.end]
		}
	}
	return nil
}

// Len is how many bytes the names take.
func (n *Names) Len() int { return len(n.raw) }

// Func returns the name of function i of the rewritten module, fit to print:
// cut to a length, with what is not printable escaped; "" if it has none. index
// is the function's number in the module as it was.
func (n *Names) Func(i uint32) (name string, index uint32) {
	index = i
	if index >= n.imported+n.shift {
		index -= n.shift
	}
	n.once.Do(n.read)
	k, ok := slices.BinarySearchFunc(n.at, index, func(e nameAt, i uint32) int { return int(int64(e.index) - int64(i)) })
	if !ok {
		return "", index
	}
	r := &reader{data: n.raw, pos: int(n.at[k].offset), end: len(n.raw)}
	return Printable(string(r.bytes()), maxName), index
}

func (n *Names) read() {
	r := &reader{data: n.raw, end: len(n.raw)}
	for r.left() > 0 {
		i := r.u32()
		n.at = append(n.at, nameAt{i, uint32(r.pos)})
		r.bytes()
	}
	slices.SortStableFunc(n.at, func(a, b nameAt) int { return int(int64(a.index) - int64(b.index)) })
}

// Printable returns text of somebody else for a message: at most limit bytes of
// it, then an ellipsis, with what is not printable escaped.
func Printable(text string, limit int) string {
	cut := len(text) > limit
	if cut {
		for text = text[:limit]; len(text) > limit-utf8.UTFMax && !utf8.ValidString(text); {
			text = text[:len(text)-1]
		}
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
		text = text[size:]
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}

// appendModuleName appends a name section that names the module alone, so that
// the engine's stack traces tell modules apart.
func appendModuleName(b []byte, name string) []byte {
	sub := appendName(nil, name)
	content := appendLEB(append(appendName(nil, "name"), 0), uint64(len(sub)))
	content = append(content, sub...)
	return append(appendLEB(append(b, secCustom), uint64(len(content))), content...)
}
