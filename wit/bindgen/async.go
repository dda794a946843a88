package bindgen

import (
	"fmt"
	"strings"

	"latticework/wit"
)

// isAsync reports whether t is a handle of a stream or future.
func isAsync(t *wit.Type) bool {
	return t.Kind == wit.KindStream || t.Kind == wit.KindFuture
}

// hasAsync reports whether a stream, future or error-context is anywhere in ft.
func hasAsync(ft *wit.FuncType) (found bool) {
	look := func(t *wit.Type) { found = found || isAsync(t) || t.Kind == wit.KindErrorContext }
	for _, p := range ft.Params {
		walk(p.Type, look)
	}
	walk(ft.Result, look)
	return found
}

// walk calls f with t, unless it is nil, and with every type in it.
func walk(t *wit.Type, f func(*wit.Type)) {
	if t == nil {
		return
	}
	f(t)
	for _, field := range t.Fields {
		walk(field.Type, f)
	}
	for _, c := range t.Cases {
		walk(c.Type, f)
	}
	walk(t.Key, f)
	walk(t.Elem, f)
	walk(t.Err, f)
}

// asyncFunc names the function of the glue that moves a handle of t.
func (g *generator) asyncFunc(verb string, t *wit.Type) string {
	kind := "Stream"
	if t.Kind == wit.KindFuture {
		kind = "Future"
	}
	return g.use(gluePath) + "." + verb + kind
}

// byteStream reports whether t is stream<u8>.
func byteStream(t *wit.Type) bool {
	return t.Kind == wit.KindStream && t.Elem != nil && t.Elem.Kind == wit.KindU8
}

// loadAsync renders the stream or future whose handle is at the slice b.
func (g *generator) loadAsync(t *wit.Type, b string) string {
	if byteStream(t) {
		return fmt.Sprintf("%s.Bytes(m, %s, %s)", g.use(gluePath), b, g.witVar(t))
	}
	element := g.use(gluePath) + ".LoadNothing"
	if t.Elem != nil {
		element = fmt.Sprintf("func(m *%s.Mem, b []byte) %s { return %s }", g.use(abiPath), g.goType(t.Elem), g.loadExpr(t.Elem, "b"))
	}
	return fmt.Sprintf("%s(m, %s, %s, %s)", g.asyncFunc("Load", t), b, g.witVar(t), element)
}

// storeAsync renders the statement that puts a handle of val at the slice b.
func (g *generator) storeAsync(t *wit.Type, b, val string) string {
	if byteStream(t) {
		return fmt.Sprintf("m.PutAsync(%s, %s, %s)", b, val, g.witVar(t))
	}
	element := g.use(gluePath) + ".StoreNothing"
	if t.Elem != nil {
		element = fmt.Sprintf("func(m *%s.Mem, b []byte, v %s) { %s }", g.use(abiPath), g.goType(t.Elem), g.storeStmt(t.Elem, "b", "v"))
	}
	return fmt.Sprintf("%s(m, %s, %s, %s, %s)", g.asyncFunc("Put", t), b, val, g.witVar(t), element)
}

// emitStart writes the glue that serves a guest in this process with an async
// function that may take its time.
func (g *generator) emitStart(glue string, sig *signature) {
	ap, cp := g.use(abiPath), g.use("context")
	params := sig.fn.Type.Params
	c := "_"
	if len(params) > 0 {
		c = "c"
	}
	g.p("\nfunc (g %s) start%s(_ %s.Context, %s *%s.Call) (%s.Work, error) {", glue, sig.glue, cp, c, ap, ap)
	if len(params) > 0 {
		g.p("m := &c.Mem")
	}
	g.loadParams(sig, "return nil, err")
	g.p("return func(ctx %s.Context) (%s.Answer, error) {", cp, ap)
	g.ifFailed(sig, "return "+ap+".Answer{}, err")
	if sig.fallible {
		g.p("return %s.Answer{Store: func(c *%s.Call) error {\nm := &c.Mem", ap, ap)
		g.storeFailure(sig, sig.err)
		g.p("return m.Err()\n}}, nil\n}")
	}
	if sig.ok == nil && !sig.fallible {
		g.p("return %s.Answer{}, nil\n}, nil\n}", ap)
		return
	}
	g.p("return %s.Answer{Store: func(c *%s.Call) error {\nm := &c.Mem", ap, ap)
	g.storeAnswer(sig)
	g.p("return m.Err()\n},")
	if stmts := g.discards(sig.ok, "r"); len(stmts) > 0 {
		g.p("Discard: func() {\n%s\n},", strings.Join(stmts, "\n"))
	}
	g.p("}, nil\n}, nil\n}")
}

// discards renders the statements that let go of val, which no guest takes:
// handles that it is, or that its fields or its payload are.
func (g *generator) discards(t *wit.Type, val string) []string {
	if t == nil {
		return nil
	}
	switch t.Kind {
	case wit.KindOwn, wit.KindStream, wit.KindFuture:
		return []string{fmt.Sprintf("%s.Discard(%s)", g.use(gluePath), val)}
	case wit.KindOption:
		return g.discards(t.Elem, val+".Value")
	case wit.KindTuple, wit.KindRecord:
		var all []string
		for i, f := range t.Fields {
			all = append(all, g.discards(f.Type, val+"."+fieldName(t, i))...)
		}
		return all
	}
	return nil
}
