package bindgen

import (
	"fmt"
	"strconv"

	"latticework/wit"
)

// decodeExpr renders the next value of type t of the call w.
func (g *generator) decodeExpr(t *wit.Type) string {
	if m, ok := primMethod[t.Kind]; ok {
		return "w.In." + m + "()"
	}
	switch {
	case isBytes(t):
		return "w.In.Bytes()"
	case t.Kind == wit.KindEnum:
		return fmt.Sprintf("%s(w.In.Disc(%d))", g.goType(t), len(t.Cases))
	case t.Kind == wit.KindFlags:
		return fmt.Sprintf("%s(w.In.Flags(%d))", g.goType(t), len(t.Flags))
	case t.Kind == wit.KindOwn:
		return fmt.Sprintf("%s.WireOwn[%s](w, %s)", g.use(gluePath), g.goType(t), g.resourceVar(t.Resource))
	case t.Kind == wit.KindBorrow:
		return fmt.Sprintf("%s.WireBorrow[%s](w, %s)", g.use(gluePath), g.goType(t), g.resourceVar(t.Resource))
	}
	return g.helperFor(decode, t) + "(w)"
}

// decodeBody writes the statements that set v from w.
func (g *generator) decodeBody(t *wit.Type) {
	switch t.Kind {
	case wit.KindRecord, wit.KindTuple:
		for i, f := range t.Fields {
			g.p("v.%s = %s", fieldName(t, i), g.decodeExpr(f.Type))
		}
	case wit.KindVariant:
		g.p("v.Case = %sCase(w.In.Disc(%d))", g.goType(t), len(t.Cases))
		g.variantSwitch(t, func(field string, ct *wit.Type) {
			g.p("v.%s = %s", field, g.decodeExpr(ct))
		})
	case wit.KindOption:
		g.p("if w.In.Disc(2) == 1 {\nv.Some = true")
		g.p("v.Value = %s\n}", g.decodeExpr(t.Elem))
	case wit.KindResult:
		g.p("v.IsErr = w.In.Disc(2) == 1")
		g.resultSides(t, func(field string, st *wit.Type) {
			g.p("v.%s = %s", field, g.decodeExpr(st))
		})
	case wit.KindList:
		g.p("v = make(%s, w.In.Len(%s))\nfor i := range v {", g.goType(t), strconv.Itoa(minWire(t.Elem)))
		g.p("v[i] = %s\n}", g.decodeExpr(t.Elem))
	case wit.KindMap:
		g.p("n := w.In.Len(%d)\nv = make(%s, min(n, %d))\nfor range n {", minWire(entry(t)), g.goType(t), roomAhead)
		g.p("k := %s\nv[k] = %s\n}", g.decodeExpr(t.Key), g.decodeExpr(t.Elem))
	case wit.KindFixedList:
		g.p("for i := range v {")
		g.p("v[i] = %s\n}", g.decodeExpr(t.Elem))
	}
	g.p("return v")
}

// encodeStmt renders the statement that appends val, of type t, to w.
func (g *generator) encodeStmt(t *wit.Type, val string) string {
	if m, ok := primMethod[t.Kind]; ok {
		return fmt.Sprintf("w.Out.Put%s(%s)", m, val)
	}
	switch {
	case isBytes(t):
		return fmt.Sprintf("w.Out.PutBytes(%s)", val)
	case t.Kind == wit.KindEnum:
		return fmt.Sprintf("w.Out.PutDisc(int(%s), %d)", val, len(t.Cases))
	case t.Kind == wit.KindFlags:
		return fmt.Sprintf("w.Out.PutFlags(uint32(%s), %d)", val, len(t.Flags))
	case t.Kind == wit.KindOwn:
		return fmt.Sprintf("w.PutOwn(%s, %s)", val, g.resourceVar(t.Resource))
	case t.Kind == wit.KindBorrow:
		return fmt.Sprintf("w.PutBorrow(%s, %s)", val, g.resourceVar(t.Resource))
	}
	return fmt.Sprintf("%s(w, %s)", g.helperFor(encode, t), val)
}

// encodeBody writes the statements that append v to w.
func (g *generator) encodeBody(t *wit.Type) {
	switch t.Kind {
	case wit.KindRecord, wit.KindTuple:
		for i, f := range t.Fields {
			g.p("%s", g.encodeStmt(f.Type, "v."+fieldName(t, i)))
		}
	case wit.KindVariant:
		g.p("w.Out.PutDisc(int(v.Case), %d)", len(t.Cases))
		g.variantSwitch(t, func(field string, ct *wit.Type) {
			g.p("%s", g.encodeStmt(ct, "v."+field))
		})
	case wit.KindOption:
		g.p("if !v.Some {\nw.Out.PutDisc(0, 2)\nreturn\n}\nw.Out.PutDisc(1, 2)")
		g.p("%s", g.encodeStmt(t.Elem, "v.Value"))
	case wit.KindResult:
		g.putResultDisc("w.Out", "")
		g.resultSides(t, func(field string, st *wit.Type) {
			g.p("%s", g.encodeStmt(st, "v."+field))
		})
	case wit.KindList:
		g.p("w.Out.PutLen(len(v))\nfor i := range v {")
		g.p("%s\n}", g.encodeStmt(t.Elem, "v[i]"))
	case wit.KindMap:
		g.p("w.Out.PutLen(len(v))\nfor k, e := range v {")
		g.p("%s\n%s\n}", g.encodeStmt(t.Key, "k"), g.encodeStmt(t.Elem, "e"))
	case wit.KindFixedList:
		g.p("for i := range v {")
		g.p("%s\n}", g.encodeStmt(t.Elem, "v[i]"))
	}
}
