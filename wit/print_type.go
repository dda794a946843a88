package wit

import (
	"strconv"
	"strings"
	"unicode"
)

// typeDef prints a definition that no `use` brings in.
func (w *printer) typeDef(t *TypeDef) {
	w.blank()
	w.head(t.Docs, t.Stability, t.ExternalID)
	e := w.names.definition(t)
	name := escape(t.Name)
	switch e.kind {
	case exprResource:
		w.resource(t, name)
	case KindRecord:
		w.members("record", name, e)
	case KindVariant:
		w.members("variant", name, e)
	case KindEnum:
		w.members("enum", name, e)
	case KindFlags:
		w.members("flags", name, e)
	case KindOwn:
		w.line("type %s = own<%s>;", name, typeText(e.of))
	case exprAlias:
		w.line("type %s = %s;", name, typeText(e.of))
	default:
		anonymous := *e
		anonymous.def = nil
		w.line("type %s = %s;", name, typeText(&anonymous))
	}
}

func (w *printer) members(keyword, name string, e *expr) {
	w.open("%s %s", keyword, name)
	for _, f := range e.fields {
		w.docs(f.docs)
		switch {
		case e.kind == KindRecord:
			w.line("%s: %s,", escape(f.name), typeText(f.of))
		case f.of != nil:
			w.line("%s(%s),", escape(f.name), typeText(f.of))
		default:
			w.line("%s,", escape(f.name))
		}
	}
	w.close()
}

func (w *printer) resource(t *TypeDef, name string) {
	if len(t.Methods) == 0 {
		w.line("resource %s;", name)
		return
	}
	w.open("resource %s", name)
	for _, f := range t.Methods {
		w.head(f.Docs, f.Stability, f.ExternalID)
		x := w.names.source(f)
		switch f.Kind {
		case Constructor:
			text := strings.TrimPrefix(funcText(x, false), "func")
			if r := x.result; r != nil && r.kind == KindOwn {
				text, _, _ = strings.Cut(text, " -> ")
			}
			w.line("constructor%s;", text)
		case Static:
			w.line("%s: static %s;", escape(f.ItemName()), funcText(x, false))
		default:
			w.line("%s: %s;", escape(f.ItemName()), funcText(x, true))
		}
	}
	w.close()
}

// funcText returns the text of a function type, without the first parameter
// of a method.
func funcText(x *funcExpr, method bool) string {
	var b strings.Builder
	if x.async {
		b.WriteString("async ")
	}
	b.WriteString("func(")
	params := x.params
	if method && len(params) > 0 {
		params = params[1:]
	}
	for i, p := range params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(escape(p.name) + ": " + typeText(p.of))
	}
	b.WriteString(")")
	if x.result != nil {
		b.WriteString(" -> " + typeText(x.result))
	}
	return b.String()
}

// typeText returns the text of a type where it is used.
func typeText(e *expr) string {
	if e.def != nil {
		return escape(e.def.Name)
	}
	var args []string
	name := kindNames[e.kind]
	add := func(of *expr) {
		if of != nil {
			args = append(args, typeText(of))
		}
	}
	switch e.kind {
	case KindOwn:
		return typeText(e.of) // the name alone means own
	case KindFixedList:
		args = []string{typeText(e.of), strconv.FormatUint(uint64(e.length), 10)}
	case KindResult:
		add(e.of)
		if e.of == nil && e.err != nil {
			args = append(args, "_")
		}
		add(e.err)
	case KindTuple:
		for _, f := range e.fields {
			add(f.of)
		}
		if len(args) == 0 {
			return "tuple<>"
		}
	default:
		add(e.key)
		add(e.of)
	}
	if len(args) == 0 {
		return name
	}
	return name + "<" + strings.Join(args, ", ") + ">"
}

// kindNames are the keywords of the kinds of types.
var kindNames = [256]string{
	KindBool: "bool", KindS8: "s8", KindU8: "u8", KindS16: "s16", KindU16: "u16",
	KindS32: "s32", KindU32: "u32", KindS64: "s64", KindU64: "u64",
	KindF32: "f32", KindF64: "f64", KindChar: "char", KindString: "string",
	KindErrorContext: "error-context",
	KindList:         "list", KindFixedList: "list", KindMap: "map", KindTuple: "tuple", KindOption: "option",
	KindResult: "result", KindOwn: "own", KindBorrow: "borrow", KindStream: "stream", KindFuture: "future",
	KindRecord: "record", KindVariant: "variant", KindEnum: "enum", KindFlags: "flags",
}

// String returns the keyword of the kind: "u32", "list", "record".
func (k Kind) String() string {
	if s := kindNames[k]; s != "" {
		return s
	}
	return "invalid"
}

// escape returns a name as an identifier: keywords get a %.
func escape(name string) string {
	if keywords()[name] {
		return "%" + name
	}
	return name
}

// escapePackage returns the text of a package's name.
func escapePackage(n PackageName) string {
	var b strings.Builder
	part := func(s string, sep string) {
		for i, word := range strings.Split(s, sep) {
			if i > 0 {
				b.WriteString(sep)
			}
			b.WriteString(escape(word))
		}
	}
	part(n.Namespace, ":")
	b.WriteByte(':')
	part(n.Name, "/")
	if n.Version != "" {
		b.WriteString("@" + n.Version)
	}
	return b.String()
}

// quote returns a string literal.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r), isBidi(r):
			b.WriteString(`\u{` + strconv.FormatInt(int64(r), 16) + "}")
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
