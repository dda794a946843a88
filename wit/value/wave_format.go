package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"latticework/wit"
)

// Format writes v, a value of type t, as WAVE text that [Parse] reads. What
// has no text, a handle or a value that is not of type t, is written in angle
// brackets.
func Format(t *wit.Type, v Value) string {
	var out strings.Builder
	format(&out, t, v, 0)
	return out.String()
}

func format(out *strings.Builder, t *wit.Type, v Value, depth int) {
	if t == nil || depth > MaxDepth {
		fmt.Fprintf(out, "<invalid: nesting %d>", depth)
		return
	}
	if err := checkShape(t, v); err != nil {
		fmt.Fprintf(out, "<invalid: %v>", err)
		return
	}
	switch v := v.(type) {
	case Bool, S8, U8, S16, U16, S32, U32, S64, U64:
		fmt.Fprint(out, v)
	case F32:
		formatFloat(out, float64(v), 32)
	case F64:
		formatFloat(out, float64(v), 64)
	case Char:
		quote(out, '\'', string(rune(v)))
	case String:
		quote(out, '"', string(v))
	case Flags:
		out.WriteByte('{')
		first := true
		for i, name := range t.Flags {
			if v.Has(i) {
				separate(out, &first)
				out.WriteString(name)
			}
		}
		out.WriteByte('}')
	case Handle:
		fmt.Fprintf(out, "<%s>", kindName(t))
	case Async:
		fmt.Fprintf(out, "<%s>", kindName(t))
	default:
		formatCompound(out, t, v, depth)
	}
}

func formatCompound(out *strings.Builder, t *wit.Type, v Value, depth int) {
	first := true
	switch v := v.(type) {
	case Bytes:
		out.WriteByte('[')
		for _, b := range v {
			separate(out, &first)
			out.WriteString(strconv.Itoa(int(b)))
		}
		out.WriteByte(']')
	case List:
		formatList(out, t, v, depth)
	case Record:
		out.WriteByte('{')
		for i, f := range t.Fields {
			separate(out, &first)
			out.WriteString(f.Name)
			out.WriteString(": ")
			format(out, f.Type, v[i], depth+1)
		}
		out.WriteByte('}')
	case Tuple:
		out.WriteByte('(')
		for i, f := range t.Fields {
			separate(out, &first)
			format(out, f.Type, v[i], depth+1)
		}
		out.WriteByte(')')
	case Variant:
		c := t.Cases[v.Case]
		formatCase(out, c.Name, isKeyword(c.Name), c.Type, v.Payload, depth)
	case Enum:
		name := t.Cases[v].Name
		formatCase(out, name, isKeyword(name), nil, nil, depth)
	case Option:
		if v.Value == nil {
			out.WriteString("none")
			return
		}
		formatCase(out, "some", false, t.Elem, v.Value, depth)
	case Result:
		name := "ok"
		if v.IsErr {
			name = "err"
		}
		formatCase(out, name, false, resultSide(t, v.IsErr), v.Value, depth)
	}
}

func formatList(out *strings.Builder, t *wit.Type, v List, depth int) {
	opening, closing := "[", "]"
	if t.Kind == wit.KindMap {
		opening, closing = "{", "}"
	}
	out.WriteString(opening)
	first := true
	for _, x := range v {
		separate(out, &first)
		if t.Kind == wit.KindMap {
			pair := x.(Tuple)
			format(out, t.Key, pair[0], depth+1)
			out.WriteString(": ")
			x = pair[1]
		}
		format(out, t.Elem, x, depth+1)
	}
	out.WriteString(closing)
}

func formatCase(out *strings.Builder, name string, escape bool, t *wit.Type, payload Value, depth int) {
	if escape {
		out.WriteByte('%')
	}
	out.WriteString(name)
	if t != nil {
		out.WriteByte('(')
		format(out, t, payload, depth+1)
		out.WriteByte(')')
	}
}

func formatFloat(out *strings.Builder, f float64, bits int) {
	switch {
	case f != f:
		out.WriteString("nan")
	case math.IsInf(f, 1):
		out.WriteString("inf")
	case math.IsInf(f, -1):
		out.WriteString("-inf")
	default:
		text := strconv.FormatFloat(f, 'g', -1, bits)
		text = strings.Replace(text, "e-0", "e-", 1) // an exponent has no leading zero
		out.WriteString(strings.Replace(text, "e+0", "e+", 1))
	}
}

func separate(out *strings.Builder, first *bool) {
	if !*first {
		out.WriteString(", ")
	}
	*first = false
}
