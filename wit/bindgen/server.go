package bindgen

import (
	"fmt"
	"slices"
	"strings"

	"latticework/wit"
)

// emitServer writes BindX and the glue behind it.
func (g *generator) emitServer(iface *wit.Interface) {
	name := camel(iface.Name)
	bind := g.claim("Bind"+name, "the function that binds "+iface.Name)
	glue := g.claim(lowerFirst(name)+"Glue", "the glue of "+iface.Name)
	ap, wp := g.use(abiPath), g.use(witPath)
	own, used := g.resourcesOf(iface)
	if part := g.parts[iface]; part != nil && part.plain {
		g.emitPlainServer(iface, bind, glue, used)
		return
	}
	g.p("\n// %s returns %s\n// served by impl.", bind, g.told(iface))
	if len(iface.Funcs) > 0 {
		g.p("func %s(impl %sInterface) *%s.Interface {\ng := %s{impl}", bind, name, ap, glue)
	} else {
		g.p("func %s(%sInterface) *%s.Interface {", bind, name, ap)
	}
	g.p("return &%s.Interface{\nName: %q,", ap, g.componentName(iface))
	g.resourceList("Resources", wp, own)
	g.resourceList("Uses", wp, used)
	if len(iface.Funcs) == 0 {
		g.p("}\n}")
		return
	}
	g.p("Funcs: []%s.Func{", ap)
	for _, fn := range iface.Funcs {
		g.p("%s,", g.serving(iface, fn))
	}
	g.p("},\n}\n}")
	g.emitGlue(iface, glue)
}

// serving returns the literal of an abi.Func, without its type, that serves fn.
func (g *generator) serving(iface *wit.Interface, fn *wit.Func) string {
	sig := g.signature(iface, fn)
	serve, wire := "Call: g.call"+sig.glue, "g.wire"+sig.glue
	if sig.waits {
		serve = "Start: g.start" + sig.glue
	}
	if hasAsync(fn.Type) {
		name := fn.Name
		if in := g.componentName(iface); in != "" {
			name = in + "." + name
		}
		wire = fmt.Sprintf("%s.NoWire(%q)", g.use(gluePath), name)
	}
	return fmt.Sprintf("{Name: %q, Type: %s, %s, Wire: %s}", fn.Name, funcVar(iface, sig), serve, wire)
}

// emitGlue writes the type behind BindX and its functions.
func (g *generator) emitGlue(iface *wit.Interface, glue string) {
	g.p("\ntype %s struct{ impl %sInterface }", glue, camel(iface.Name))
	for _, fn := range iface.Funcs {
		sig := g.signature(iface, fn)
		if sig.waits {
			g.emitStart(glue, sig)
		} else {
			g.emitCall(glue, sig)
		}
		if !hasAsync(fn.Type) {
			g.emitWire(glue, sig)
		}
	}
}

// resourcesOf returns the Go expressions of the resources that iface defines,
// and of those of other interfaces that its functions mention.
func (g *generator) resourcesOf(iface *wit.Interface) (own, used []string) {
	mine := map[*wit.Resource]bool{}
	for _, def := range iface.Types {
		if def.Alias == nil && def.Resource != nil {
			mine[def.Resource] = true
			own = append(own, g.resourceVar(def.Resource))
		}
	}
	seen := map[*wit.Type]bool{}
	var visit func(t *wit.Type)
	visit = func(t *wit.Type) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		if t.Resource != nil && !mine[t.Resource] {
			if v := g.resourceVar(t.Resource); !slices.Contains(used, v) {
				used = append(used, v)
			}
		}
		for _, f := range t.Fields {
			visit(f.Type)
		}
		for _, c := range t.Cases {
			visit(c.Type)
		}
		visit(t.Elem)
		visit(t.Err)
		visit(t.Key)
	}
	for _, fn := range iface.Funcs {
		for _, p := range fn.Type.Params {
			visit(p.Type)
		}
		visit(fn.Type.Result)
	}
	return own, used
}

func (g *generator) resourceList(field, wp string, vars []string) {
	if len(vars) > 0 {
		g.p("%s: []*%s.Resource{%s},", field, wp, strings.Join(vars, ", "))
	}
}

// emitCall writes the glue that serves a guest in this process.
func (g *generator) emitCall(glue string, sig *signature) {
	g.p("\nfunc (g %s) call%s(ctx %s.Context, c *%s.Call) error {", glue, sig.glue, g.use("context"), g.use(abiPath))
	if len(sig.fn.Type.Params) > 0 || sig.fn.Type.Result != nil {
		g.p("m := &c.Mem")
	}
	g.loadParams(sig, "return err")
	g.invoke(sig, func(e *wit.Type) { g.storeFailure(sig, e) }, func() { g.storeAnswer(sig) }, "m.Err()")
}

// loadParams writes the statements that read the parameters; fail leaves the
// function with err.
func (g *generator) loadParams(sig *signature, fail string) {
	params := sig.fn.Type.Params
	ts := make([]*wit.Type, len(params))
	for i, p := range params {
		ts[i] = p.Type
	}
	for i, off := range offsets(0, ts) {
		expr := g.loadExpr(ts[i], at("c.Params", off))
		if sig.views && isBytes(ts[i]) {
			expr = "m.BytesView(" + at("c.Params", off) + ")"
		}
		g.p("%s := %s", g.argName(sig, i), expr)
	}
	if len(params) > 0 {
		g.p("if err := m.Err(); err != nil {\n%s\n}", fail)
	}
}

// storeFailure writes the error case f, of type e if it has one.
func (g *generator) storeFailure(sig *signature, e *wit.Type) {
	g.p("m.PutDisc(c.Result, 1, 2)")
	if e != nil {
		g.p("%s", g.storeStmt(e, at("c.Result", payloadOffset(2, sig.ok, sig.err)), "f"))
	}
}

// storeAnswer writes the answer r, if there is one.
func (g *generator) storeAnswer(sig *signature) {
	off := 0
	if sig.fallible {
		g.p("m.PutDisc(c.Result, 0, 2)")
		off = payloadOffset(2, sig.ok, sig.err)
	}
	if sig.ok != nil {
		g.p("%s", g.storeStmt(sig.ok, at("c.Result", off), "r"))
	}
}

// emitWire writes the glue that serves a caller on another host.
func (g *generator) emitWire(glue string, sig *signature) {
	g.p("\nfunc (g %s) wire%s(ctx %s.Context, w *%s.WireCall) error {", glue, sig.glue, g.use("context"), g.use(abiPath))
	params := sig.fn.Type.Params
	for i, p := range params {
		expr := g.decodeExpr(p.Type)
		if sig.views && isBytes(p.Type) {
			expr = "w.In.BytesView()"
		}
		g.p("%s := %s", g.argName(sig, i), expr)
	}
	if len(params) > 0 {
		g.p("if err := w.In.Err(); err != nil {\nreturn err\n}")
	}
	g.invoke(sig, func(et *wit.Type) {
		g.p("w.Out.PutDisc(1, 2)")
		if et != nil {
			g.p("%s", g.encodeStmt(et, "f"))
		}
	}, func() {
		if sig.fallible {
			g.p("w.Out.PutDisc(0, 2)")
		}
		if sig.ok != nil {
			g.p("%s", g.encodeStmt(sig.ok, "r"))
		}
	}, "w.Out.Err()")
}

// argName names parameter i inside the glue.
func (g *generator) argName(sig *signature, i int) string {
	if sig.self != nil {
		if i == 0 {
			return "self"
		}
		i--
	}
	return fmt.Sprintf("p%d", i)
}

// invoke writes the call of the implementation and what becomes of its answer:
// onFail handles the error case f of the given type, onOK the answer r.
func (g *generator) invoke(sig *signature, onFail func(e *wit.Type), onOK func(), done string) {
	if sig.ok == nil && !sig.fallible {
		g.p("return %s\n}", g.implCall(sig))
		return
	}
	g.ifFailed(sig, "return err")
	if sig.fallible {
		onFail(sig.err)
		g.p("return %s\n}", done)
	}
	onOK()
	g.p("return %s\n}", done)
}

// implCall renders the call of the implementation.
func (g *generator) implCall(sig *signature) string {
	recv := "g.impl"
	first := 0
	if sig.self != nil {
		recv, first = "self", 1
	}
	args := []string{"ctx"}
	for i := first; i < len(sig.fn.Type.Params); i++ {
		args = append(args, g.argName(sig, i))
	}
	return fmt.Sprintf("%s.%s(%s)", recv, sig.method, strings.Join(args, ", "))
}

// ifFailed writes the call of the implementation and leaves the function with
// giveUp if it failed. For a function with an error case it leaves open the
// block in which that is f.
func (g *generator) ifFailed(sig *signature, giveUp string) {
	if sig.ok != nil {
		g.p("r, err := %s\nif err != nil {", g.implCall(sig))
	} else {
		g.p("if err := %s; err != nil {", g.implCall(sig))
	}
	if !sig.fallible {
		g.p("%s\n}", giveUp)
		return
	}
	f := "f"
	if sig.err == nil {
		f = "_"
	}
	g.p("%s, ok := %s.Failure[%s](err)\nif !ok {\n%s\n}", f, g.use(gluePath), g.goType(sig.err), giveUp)
}
