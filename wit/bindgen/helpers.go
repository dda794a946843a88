package bindgen

import (
	"fmt"
	"strconv"

	"latticework/wit"
	"latticework/wit/abi"
)

// direction is one of the movements that a type can take part in. The last
// three are for types with handles of resources that a component may define,
// see guests.go.
type direction uint8

const (
	load   direction = iota // linear memory to Go
	store                   // Go to linear memory
	decode                  // value encoding to Go
	encode                  // Go to value encoding
	lift                    // load from a component's export
	lower                   // store for a component's export
	check                   // before it is stored
)

func (d direction) String() string {
	return [...]string{"load", "store", "decode", "encode", "lift", "lower", "check"}[d]
}

// helper is one function to be written.
type helper struct {
	dir  direction
	typ  *wit.Type
	name string
}

// helperFor returns the name of the function that moves t, asking for it to be
// written.
func (g *generator) helperFor(dir direction, t *wit.Type) string {
	name := dir.String() + g.id(t)
	if !g.helperAsked[name] {
		g.helperAsked[name] = true
		g.claim(name, "the helper "+name)
		g.helpers = append(g.helpers, helper{dir, t, name})
	}
	return name
}

// emitHelpers writes the helpers asked for, and those that they ask for.
func (g *generator) emitHelpers() {
	for i := 0; i < len(g.helpers); i++ {
		h := g.helpers[i]
		g.p("")
		switch h.dir {
		case load:
			g.p("func %s(m *%s.Mem, b []byte) (v %s) {", h.name, g.use(abiPath), g.goType(h.typ))
			g.loadBody(h.typ)
		case store:
			g.p("func %s(m *%s.Mem, b []byte, v %s) {", h.name, g.use(abiPath), g.goType(h.typ))
			g.storeBody(h.typ)
		case decode:
			g.p("func %s(w *%s.WireCall) (v %s) {", h.name, g.use(abiPath), g.goType(h.typ))
			g.decodeBody(h.typ)
		case encode:
			g.p("func %s(w *%s.WireCall, v %s) {", h.name, g.use(abiPath), g.goType(h.typ))
			g.encodeBody(h.typ)
		default:
			g.emitGuestHelper(h)
		}
		g.p("}")
	}
}

// at renders the slice of b that begins at offset off.
func at(b string, off int) string {
	if off == 0 {
		return b
	}
	return fmt.Sprintf("%s[%d:]", b, off)
}

// size and align give t's place in linear memory.
func size(t *wit.Type) int  { return int(abi.Size(t)) }
func align(t *wit.Type) int { return int(abi.Align(t)) }

// offsets returns where each of ts begins when laid out one after the other
// from off.
func offsets(off int, ts []*wit.Type) []int {
	out := make([]int, len(ts))
	for i, t := range ts {
		off = alignUp(off, align(t))
		out[i] = off
		off += size(t)
	}
	return out
}

func alignUp(n, a int) int { return (n + a - 1) / a * a }

// roomAhead is how many entries of a map room is made for before the first is
// read: more keys may be the same than there are.
const roomAhead = 1_024

// entry returns the tuple of which map t is a list.
func entry(t *wit.Type) *wit.Type {
	return &wit.Type{Kind: wit.KindTuple, Fields: []wit.Field{{Type: t.Key}, {Type: t.Elem}}}
}

func fieldTypes(fs []wit.Field) []*wit.Type {
	ts := make([]*wit.Type, len(fs))
	for i, f := range fs {
		ts[i] = f.Type
	}
	return ts
}

// payloadOffset returns where the payload of a variant-like type with these
// payload types begins.
func payloadOffset(ncases int, payloads ...*wit.Type) int {
	a := 1
	for _, t := range payloads {
		if t != nil {
			a = max(a, align(t))
		}
	}
	return alignUp(discSize(ncases), a)
}

func discSize(n int) int {
	switch {
	case n <= 1<<8:
		return 1
	case n <= 1<<16:
		return 2
	}
	return 4
}

func caseTypes(cs []wit.Case) []*wit.Type {
	ts := make([]*wit.Type, len(cs))
	for i, c := range cs {
		ts[i] = c.Type
	}
	return ts
}

// minWire returns the least number of bytes that a value of t takes in the
// value encoding.
func minWire(t *wit.Type) int {
	if t == nil {
		return 0
	}
	switch t.Kind {
	case wit.KindF32:
		return 4
	case wit.KindF64:
		return 8
	case wit.KindRecord, wit.KindTuple:
		n := 0
		for _, f := range t.Fields {
			n += minWire(f.Type)
		}
		return n
	case wit.KindVariant:
		n := minWire(t.Cases[0].Type)
		for _, c := range t.Cases {
			n = min(n, minWire(c.Type))
		}
		return 1 + n
	case wit.KindResult:
		return 1 + min(minWire(t.Elem), minWire(t.Err))
	case wit.KindFlags:
		return (len(t.Flags) + 7) / 8
	case wit.KindFixedList:
		return int(t.Len) * minWire(t.Elem)
	}
	return 1
}

// loadExpr renders the value of type t at the slice b.
func (g *generator) loadExpr(t *wit.Type, b string) string {
	if m, ok := primMethod[t.Kind]; ok {
		return "m." + m + "(" + b + ")"
	}
	switch {
	case isBytes(t):
		return "m.Bytes(" + b + ")"
	case t.Kind == wit.KindEnum:
		return fmt.Sprintf("%s(m.Disc(%s, %d))", g.goType(t), b, len(t.Cases))
	case t.Kind == wit.KindFlags:
		return fmt.Sprintf("%s(m.Flags(%s, %d))", g.goType(t), b, len(t.Flags))
	case g.guest && !isAsync(t) && g.handsOver(t):
		return g.helperFor(lift, t) + "(m, guests, " + b + ")"
	case t.Kind == wit.KindOwn:
		return fmt.Sprintf("%s.Own[%s](m, %s, %s)", g.use(gluePath), g.goType(t), b, g.resourceVar(t.Resource))
	case t.Kind == wit.KindBorrow:
		return fmt.Sprintf("%s.Borrow[%s](m, %s, %s)", g.use(gluePath), g.goType(t), b, g.resourceVar(t.Resource))
	}
	if t.Kind == wit.KindErrorContext {
		return fmt.Sprintf("%s.ErrorContext(m, %s)", g.use(gluePath), b)
	}
	if isAsync(t) {
		return g.loadAsync(t, b)
	}
	return g.helperFor(load, t) + "(m, " + b + ")"
}

// loadBody writes the statements that set v from m and b.
func (g *generator) loadBody(t *wit.Type) {
	switch t.Kind {
	case wit.KindRecord, wit.KindTuple:
		for i, off := range offsets(0, fieldTypes(t.Fields)) {
			g.p("v.%s = %s", fieldName(t, i), g.loadExpr(t.Fields[i].Type, at("b", off)))
		}
	case wit.KindVariant:
		g.p("v.Case = %sCase(m.Disc(b, %d))", g.goType(t), len(t.Cases))
		off := payloadOffset(len(t.Cases), caseTypes(t.Cases)...)
		g.variantSwitch(t, func(field string, ct *wit.Type) {
			g.p("v.%s = %s", field, g.loadExpr(ct, at("b", off)))
		})
	case wit.KindOption:
		g.p("if m.Disc(b, 2) == 1 {")
		g.p("v.Some = true")
		g.p("v.Value = %s\n}", g.loadExpr(t.Elem, at("b", payloadOffset(2, t.Elem))))
	case wit.KindResult:
		b := at("b", payloadOffset(2, t.Elem, t.Err))
		g.p("v.IsErr = m.Disc(b, 2) == 1")
		g.resultSides(t, func(field string, st *wit.Type) {
			g.p("v.%s = %s", field, g.loadExpr(st, b))
		})
	case wit.KindList:
		n := size(t.Elem)
		g.p("elems, n := m.List(b, %d, %d)", n, align(t.Elem))
		g.p("v = make(%s, n)\nfor i := range v {", g.goType(t))
		g.p("v[i] = %s\n}", g.loadExpr(t.Elem, fmt.Sprintf("elems[i*%d:]", n)))
	case wit.KindMap:
		e := entry(t)
		n, off := size(e), offsets(0, fieldTypes(e.Fields))[1]
		g.p("elems, n := m.List(b, %d, %d)", n, align(e))
		g.p("v = make(%s, min(n, %d))\nfor i := range n {", g.goType(t), roomAhead)
		g.p("e := elems[i*%d:]\nv[%s] = %s\n}", n, g.loadExpr(t.Key, "e"), g.loadExpr(t.Elem, at("e", off)))
	case wit.KindFixedList:
		g.p("for i := range v {")
		g.p("v[i] = %s\n}", g.loadExpr(t.Elem, fmt.Sprintf("b[i*%d:]", size(t.Elem))))
	}
	g.p("return v")
}

// storeStmt renders the statement that puts val, of type t, at the slice b.
func (g *generator) storeStmt(t *wit.Type, b, val string) string {
	if m, ok := primMethod[t.Kind]; ok {
		return fmt.Sprintf("m.Put%s(%s, %s)", m, b, val)
	}
	switch {
	case isBytes(t):
		return fmt.Sprintf("m.PutBytes(%s, %s)", b, val)
	case t.Kind == wit.KindEnum:
		return fmt.Sprintf("m.PutDisc(%s, int(%s), %d)", b, val, len(t.Cases))
	case t.Kind == wit.KindFlags:
		return fmt.Sprintf("m.PutFlags(%s, uint32(%s), %d)", b, val, len(t.Flags))
	case g.guest && t.Resource != nil && g.guests[t.Resource] != nil:
		return g.lowerHandle(t, b, val)
	case g.guest && !isAsync(t) && g.handsOver(t):
		return fmt.Sprintf("%s(m, guests, %s, %s)", g.helperFor(lower, t), b, val)
	case t.Kind == wit.KindOwn:
		return fmt.Sprintf("m.PutOwn(%s, %s, %s)", b, val, g.resourceVar(t.Resource))
	case t.Kind == wit.KindBorrow:
		return fmt.Sprintf("m.PutBorrow(%s, %s, %s)", b, val, g.resourceVar(t.Resource))
	}
	if t.Kind == wit.KindErrorContext {
		return fmt.Sprintf("m.PutAsync(%s, %s, %s)", b, val, g.witVar(t))
	}
	if isAsync(t) {
		return g.storeAsync(t, b, val)
	}
	return fmt.Sprintf("%s(m, %s, %s)", g.helperFor(store, t), b, val)
}

// storeBody writes the statements that put v at b.
func (g *generator) storeBody(t *wit.Type) {
	switch t.Kind {
	case wit.KindRecord, wit.KindTuple:
		for i, off := range offsets(0, fieldTypes(t.Fields)) {
			g.p("%s", g.storeStmt(t.Fields[i].Type, at("b", off), "v."+fieldName(t, i)))
		}
	case wit.KindVariant:
		g.p("m.PutDisc(b, int(v.Case), %d)", len(t.Cases))
		off := payloadOffset(len(t.Cases), caseTypes(t.Cases)...)
		g.variantSwitch(t, func(field string, ct *wit.Type) {
			g.p("%s", g.storeStmt(ct, at("b", off), "v."+field))
		})
	case wit.KindOption:
		g.p("if !v.Some {\nm.PutDisc(b, 0, 2)\nreturn\n}\nm.PutDisc(b, 1, 2)")
		g.p("%s", g.storeStmt(t.Elem, at("b", payloadOffset(2, t.Elem)), "v.Value"))
	case wit.KindResult:
		b := at("b", payloadOffset(2, t.Elem, t.Err))
		g.putResultDisc("m", "b, ")
		g.resultSides(t, func(field string, st *wit.Type) {
			g.p("%s", g.storeStmt(st, b, "v."+field))
		})
	case wit.KindList:
		n := size(t.Elem)
		g.p("elems := m.PutList(b, len(v), %d, %d)", n, align(t.Elem))
		g.p("if m.Err() != nil {\nreturn\n}\nfor i := range v {")
		g.p("%s\n}", g.storeStmt(t.Elem, fmt.Sprintf("elems[i*%d:]", n), "v[i]"))
	case wit.KindMap:
		e := entry(t)
		n, off := size(e), offsets(0, fieldTypes(e.Fields))[1]
		g.p("elems := m.PutList(b, len(v), %d, %d)", n, align(e))
		g.p("if m.Err() != nil {\nreturn\n}\nfor k, e := range v {")
		g.p("%s\n%s\nelems = elems[%d:]\n}", g.storeStmt(t.Key, "elems", "k"), g.storeStmt(t.Elem, at("elems", off), "e"), n)
	case wit.KindFixedList:
		g.p("for i := range v {")
		g.p("%s\n}", g.storeStmt(t.Elem, fmt.Sprintf("b[i*%d:]", size(t.Elem)), "v[i]"))
	}
}

// putResultDisc writes the discriminant of the result v.
func (g *generator) putResultDisc(recv, prefix string) {
	g.p("if v.IsErr {\n%s.PutDisc(%s1, 2)\n} else {\n%s.PutDisc(%s0, 2)\n}", recv, prefix, recv, prefix)
}

// fieldName returns the Go field of a record's or a tuple's field i.
func fieldName(t *wit.Type, i int) string {
	if t.Kind == wit.KindTuple {
		return "F" + strconv.Itoa(i)
	}
	return camel(t.Fields[i].Name)
}

// variantSwitch writes a switch over v.Case with body for every payload.
func (g *generator) variantSwitch(t *wit.Type, body func(field string, ct *wit.Type)) {
	any := false
	for _, c := range t.Cases {
		if c.Type == nil {
			continue
		}
		if !any {
			g.p("switch v.Case {")
			any = true
		}
		g.p("case %sCase%s:", g.goType(t), camel(c.Name))
		body(camel(c.Name), c.Type)
	}
	if any {
		g.p("}")
	}
}

// resultSides writes an if over v.IsErr with body for each side that has a
// type.
func (g *generator) resultSides(t *wit.Type, body func(field string, st *wit.Type)) {
	switch {
	case t.Elem != nil && t.Err != nil:
		g.p("if v.IsErr {")
		body("Err", t.Err)
		g.p("} else {")
		body("Ok", t.Elem)
		g.p("}")
	case t.Err != nil:
		g.p("if v.IsErr {")
		body("Err", t.Err)
		g.p("}")
	case t.Elem != nil:
		g.p("if !v.IsErr {")
		body("Ok", t.Elem)
		g.p("}")
	}
}
