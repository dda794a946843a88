package bindgen

import (
	"fmt"

	"latticework/wit"
)

// emitClient writes XExports and ResolveX, which call a component's export.
func (g *generator) emitClient(iface *wit.Interface) {
	if len(iface.Funcs) == 0 && !definesResource(iface) {
		return
	}
	name := camel(iface.Name)
	exports := g.claim(name+"Exports", "the exports of "+iface.Name)
	resolve := g.claim("Resolve"+name, "the function that resolves "+iface.Name)
	ap := g.use(abiPath)
	g.p("\n// %s calls %s\n// as a component exports it.", exports, g.told(iface))
	g.p("type %s struct {", exports)
	for _, fn := range iface.Funcs {
		g.p("%s %s.ExportedFunc", clientField(g.signature(iface, fn)), ap)
	}
	handed := g.handedBy(iface)
	if len(handed) > 0 {
		g.p("guests %s", guestsType)
	}
	g.p("}")
	what := "the functions of the interface"
	if g.parts[iface] != nil {
		what = "the functions"
	}
	g.p("\n// %s finds %s among the exports of x and\n// checks their types.", resolve, what)
	g.p("func %s(x %s.Exporter) (*%s, error) {", resolve, ap, exports)
	g.p("var e %s", exports)
	if len(iface.Funcs) > 0 {
		g.p("var err error")
	}
	for _, fn := range iface.Funcs {
		sig := g.signature(iface, fn)
		g.p("if e.%s, err = %s.Resolve(x, %q, %q, %s); err != nil {\nreturn nil, err\n}",
			clientField(sig), g.use(gluePath), g.componentName(iface), fn.Name, funcVar(iface, sig))
	}
	g.resolveGuests(iface, handed)
	g.p("return &e, nil\n}")
	seen := map[string]string{}
	for _, fn := range iface.Funcs {
		sig := g.signature(iface, fn)
		if prev, ok := seen[sig.glue]; ok {
			g.failf("functions %s and %s of %s have one name in Go", prev, fn.Name, iface.Name)
		}
		seen[sig.glue] = fn.Name
		g.emitStub(exports, sig)
	}
	g.emitHandles(iface, exports, seen)
}

func clientField(sig *signature) string { return "fn" + sig.glue }

// emitStub writes the method that calls one exported function.
func (g *generator) emitStub(exports string, sig *signature) {
	fn := sig.fn
	ap := g.use(abiPath)
	g.p("")
	g.doc(fmt.Sprintf("%s calls the function %s.", sig.glue, fn.Name), fn.Docs)
	if sig.self != nil {
		self := fn.Type.Params[0].Type
		sig.params = append([]param{{name: "self", goType: g.goType(self), typ: self}}, sig.params...)
	}
	g.p("func (exports *%s) %s(%s) %s {", exports, sig.glue,
		sig.paramList(g.use("context")+".Context", fmt.Sprintf("inst %s.Invoker", ap)), sig.results)
	g.guest = true
	defer func() { g.guest = false }()
	lower, lift := g.use(gluePath)+".Nothing", g.use(gluePath)+".Nothing"
	checked := g.checkParams(sig)
	if len(sig.params) > 0 {
		lower = "lower"
		g.lowerParams(sig)
	}
	if sig.ok == nil && !sig.fallible {
		g.p("return inst.Invoke(ctx, exports.%s, %s, %s)\n}", clientField(sig), lower, lift)
		return
	}
	if sig.ok != nil && !checked {
		g.p("var result %s", g.goType(sig.ok))
	}
	if sig.fallible {
		g.p("var failure error")
	}
	g.p("lift := func(call *%s.Call) error {\nm := &call.Mem", ap)
	g.liftResult(sig)
	g.p("return m.Err()\n}")
	g.p("err := inst.Invoke(ctx, exports.%s, %s, lift)", clientField(sig), lower)
	if sig.fallible {
		g.p("if err == nil {\nerr = failure\n}")
	}
	if sig.ok != nil {
		g.p("return result, err\n}")
	} else {
		g.p("return err\n}")
	}
}

// lowerParams writes the function that stores the parameters.
func (g *generator) lowerParams(sig *signature) {
	g.p("lower := func(call *%s.Call) error {\nm := &call.Mem", g.use(abiPath))
	ts := make([]*wit.Type, len(sig.params))
	for i, p := range sig.params {
		ts[i] = p.typ
	}
	for i, off := range offsets(0, ts) {
		g.p("%s", g.storeStmt(ts[i], at("call.Params", off), sig.params[i].name))
	}
	g.p("return m.Err()\n}")
}

// liftResult writes the statements that set result and failure from call.Result.
func (g *generator) liftResult(sig *signature) {
	if !sig.fallible {
		g.p("result = %s", g.loadExpr(sig.ok, "call.Result"))
		return
	}
	b := at("call.Result", payloadOffset(2, sig.ok, sig.err))
	fail := "struct{}{}"
	if sig.err != nil {
		fail = g.loadExpr(sig.err, b)
	}
	g.p("if m.Disc(call.Result, 2) == 1 {\nfailure = %s.Fail(%s)\nreturn m.Err()\n}", g.use(abiPath), fail)
	if sig.ok != nil {
		g.p("result = %s", g.loadExpr(sig.ok, b))
	}
}
