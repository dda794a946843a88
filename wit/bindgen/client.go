package bindgen

import (
	"fmt"

	"latticework/wit"
)

// emitClient writes XExports and ResolveX, which call a component's export.
func (g *generator) emitClient(iface *wit.Interface) {
	if definesResource(iface) {
		g.errs = append(g.errs, fmt.Errorf("interface %s: %w: calling an export that defines resources", iface.Name, ErrUnsupported))
		return
	}
	if len(iface.Funcs) == 0 {
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
	g.p("}")
	what := "the functions of the interface"
	if g.parts[iface] != nil {
		what = "the functions"
	}
	g.p("\n// %s finds %s among the exports of x and\n// checks their types.", resolve, what)
	g.p("func %s(x %s.Exporter) (*%s, error) {", resolve, ap, exports)
	g.p("var e %s\nvar err error", exports)
	for _, fn := range iface.Funcs {
		sig := g.signature(iface, fn)
		g.p("if e.%s, err = %s.Resolve(x, %q, %q, %s); err != nil {\nreturn nil, err\n}",
			clientField(sig), g.use(gluePath), g.componentName(iface), fn.Name, funcVar(iface, sig))
	}
	g.p("return &e, nil\n}")
	for _, fn := range iface.Funcs {
		g.emitStub(exports, g.signature(iface, fn))
	}
}

func clientField(sig *signature) string { return "fn" + sig.glue }

// emitStub writes the method that calls one exported function.
func (g *generator) emitStub(exports string, sig *signature) {
	fn := sig.fn
	ap := g.use(abiPath)
	g.p("")
	g.doc(fmt.Sprintf("%s calls the function %s.", sig.method, fn.Name), fn.Docs)
	g.p("func (exports *%s) %s(%s) %s {", exports, sig.method,
		sig.paramList(g.use("context")+".Context", fmt.Sprintf("inst %s.Invoker", ap)), sig.results)
	lower, lift := g.use(gluePath)+".Nothing", g.use(gluePath)+".Nothing"
	if len(sig.params) > 0 {
		lower = "lower"
		g.p("lower := func(call *%s.Call) error {\nm := &call.Mem", ap)
		ts := make([]*wit.Type, len(sig.params))
		for i, p := range sig.params {
			ts[i] = p.typ
		}
		for i, off := range offsets(0, ts) {
			g.p("%s", g.storeStmt(ts[i], at("call.Params", off), sig.params[i].name))
		}
		g.p("return m.Err()\n}")
	}
	if sig.ok == nil && !sig.fallible {
		g.p("return inst.Invoke(ctx, exports.%s, %s, %s)\n}", clientField(sig), lower, lift)
		return
	}
	if sig.ok != nil {
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
