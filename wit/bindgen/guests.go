package bindgen

import (
	"fmt"
	"strings"

	"latticework/wit"
)

// A resource of an exported interface is the component's own, unless the world
// imports the interface that defines it: then it is a Go value as with imports.
// Which of the two is known when exports are resolved, so that code for exports
// hands on guests, which says what the component calls each resource and where
// its methods are found.

// guestsType is the emitted struct of what was found among a component's
// exports; handleType is what makes a Go value stand for a component's resource.
const (
	guestsType = "guestResources"
	handleType = "guestHandle"
)

// collectGuests notes the resources of interfaces that get stubs.
func (g *generator) collectGuests() {
	for _, iface := range g.ifaces {
		if !g.wantsClient(iface) {
			continue
		}
		for _, def := range iface.Types {
			if def.Alias == nil && def.Resource != nil {
				g.guests[def.Resource] = iface
			}
		}
	}
}

// handsOver reports whether a handle of a resource that may be a component's
// own is anywhere in t.
func (g *generator) handsOver(t *wit.Type) bool {
	found := false
	g.visitGuests(t, func(*wit.Resource) { found = true })
	return found
}

// visitGuests calls f for each such handle in t.
func (g *generator) visitGuests(t *wit.Type, f func(*wit.Resource)) {
	walk(t, func(t *wit.Type) {
		if t.Resource != nil && g.guests[t.Resource] != nil {
			f(t.Resource)
		}
	})
}

// handed is a resource that an interface's functions take or answer, and the
// first of them.
type handed struct {
	res *wit.Resource
	by  *signature
}

// handedBy returns the resources of g.guests that functions of iface mention,
// in order.
func (g *generator) handedBy(iface *wit.Interface) []handed {
	var all []handed
	seen := map[*wit.Resource]bool{}
	for _, fn := range iface.Funcs {
		note := func(r *wit.Resource) {
			if !seen[r] {
				seen[r] = true
				all = append(all, handed{r, g.signature(iface, fn)})
			}
		}
		for _, p := range fn.Type.Params {
			g.visitGuests(p.Type, note)
		}
		g.visitGuests(fn.Type.Result, note)
	}
	return all
}

// goName is the Go name of a resource of this package, field that of its
// identity among guests, home that of the stubs of its methods.
func (g *generator) goName(r *wit.Resource) string { return g.typeName(g.resource(r)) }
func (g *generator) field(r *wit.Resource) string  { return "res" + g.goName(r) }
func home(iface *wit.Interface) string             { return "of" + camel(iface.Name) }

// resolveGuests writes the statements that find out about the resources that
// iface's functions mention.
func (g *generator) resolveGuests(iface *wit.Interface, all []handed) {
	homes := map[*wit.Interface]bool{}
	for _, h := range all {
		g.p("e.guests.%s = %s.Identity(e.%s, %s, %s)", g.field(h.res), g.use(gluePath),
			clientField(h.by), funcVar(iface, h.by), g.resourceVar(h.res))
		from := g.guests[h.res]
		switch {
		case homes[from]:
		case from == iface:
			g.p("e.guests.%s = &e", home(from))
		default:
			g.p("if e.guests.%s, err = %s.IfExported(Resolve%s(x)); err != nil {\nreturn nil, err\n}", home(from), g.use(gluePath), camel(from.Name))
		}
		homes[from] = true
	}
}

// checkParams writes the statements that refuse what the instance cannot be
// given before it is called, and reports whether there are any. They declare
// result, if there is one.
func (g *generator) checkParams(sig *signature) bool {
	mentions := g.handsOver(sig.fn.Type.Result)
	var checks []string
	for _, p := range sig.params {
		if g.handsOver(p.typ) {
			mentions = true
			if c := g.checkExpr(p.typ, p.name); c != "" {
				checks = append(checks, c)
			}
		}
	}
	if mentions {
		g.p("guests := &exports.guests")
	}
	if len(checks) == 0 {
		return false
	}
	answer := "return err"
	if sig.ok != nil {
		g.p("var result %s", g.goType(sig.ok))
		answer = "return result, err"
	}
	for _, c := range checks {
		g.p("if err := %s; err != nil {\n%s\n}", c, answer)
	}
	return true
}

// checkExpr renders the check of val, "" if there is nothing to check: what is
// in a stream is checked when it is stored.
func (g *generator) checkExpr(t *wit.Type, val string) string {
	switch {
	case t == nil || isAsync(t) || !g.handsOver(t):
		return ""
	case t.Resource != nil:
		return fmt.Sprintf("%s.Check(inst, %s, guests.%s, %t)", g.use(gluePath), val, g.field(t.Resource), t.Kind == wit.KindOwn)
	}
	return fmt.Sprintf("%s(inst, guests, %s)", g.helperFor(check, t), val)
}

// lowerHandle renders the statement that stores the handle val, as an own or
// borrow of what the component calls its resource.
func (g *generator) lowerHandle(t *wit.Type, b, val string) string {
	put := "PutOwn"
	if t.Kind == wit.KindBorrow {
		put = "PutBorrow"
	}
	return fmt.Sprintf("m.%s(%s, %s, guests.%s)", put, b, val, g.field(t.Resource))
}

// emitGuestHelper writes a helper of the directions that are for exports.
func (g *generator) emitGuestHelper(h helper) {
	g.guest = true
	defer func() { g.guest = false }()
	ap, t := g.use(abiPath), g.goType(h.typ)
	switch {
	case h.dir == lift:
		g.p("func %s(m *%s.Mem, guests *%s, b []byte) (v %s) {", h.name, ap, guestsType, t)
		if h.typ.Resource != nil {
			g.liftHandle(h.typ)
		} else {
			g.loadBody(h.typ)
		}
	case h.dir == lower:
		g.p("func %s(m *%s.Mem, guests *%s, b []byte, v %s) {", h.name, ap, guestsType, t)
		g.storeBody(h.typ)
	default:
		g.p("func %s(inst %s.Invoker, guests *%s, v %s) error {", h.name, ap, guestsType, t)
		g.checkBody(h.typ)
	}
}

// liftHandle writes the statements that answer the resource whose handle is at
// b: a typed handle if the component defines it, else the Go value.
func (g *generator) liftHandle(t *wit.Type) {
	from := g.guests[t.Resource]
	take := "Own"
	if t.Kind == wit.KindBorrow {
		take = "Borrow"
	}
	g.p("rep := m.%s(b, guests.%s)", take, g.field(t.Resource))
	g.p("if r, ok := rep.(%s.GuestResource); ok && guests.%s != nil {", g.use(abiPath), home(from))
	g.p("return &%s{%s{Resource: r}, r.Instance(), guests.%s}\n}", g.handleStruct(t.Resource), handleType, home(from))
	g.p("return %s.As[%s](m, rep, %s)", g.use(gluePath), g.goType(t), g.resourceVar(t.Resource))
}

// checkBody writes the statements that check v.
func (g *generator) checkBody(t *wit.Type) {
	one := func(et *wit.Type, val string) {
		if c := g.checkExpr(et, val); c != "" {
			g.p("if err := %s; err != nil {\nreturn err\n}", c)
		}
	}
	switch t.Kind {
	case wit.KindRecord, wit.KindTuple:
		for i, f := range t.Fields {
			one(f.Type, "v."+fieldName(t, i))
		}
	case wit.KindVariant:
		g.p("switch v.Case {")
		for _, c := range t.Cases {
			if ch := g.checkExpr(c.Type, "v."+camel(c.Name)); ch != "" {
				g.p("case %sCase%s:\nreturn %s", g.goType(t), camel(c.Name), ch)
			}
		}
		g.p("}")
	case wit.KindOption:
		g.p("if v.Some {")
		one(t.Elem, "v.Value")
		g.p("}")
	case wit.KindResult:
		if c := g.checkExpr(t.Err, "v.Err"); c != "" {
			g.p("if v.IsErr {\nreturn %s\n}", c)
		}
		if c := g.checkExpr(t.Elem, "v.Ok"); c != "" {
			g.p("if !v.IsErr {\nreturn %s\n}", c)
		}
	case wit.KindList, wit.KindFixedList:
		g.p("for i := range v {")
		one(t.Elem, "v[i]")
		g.p("}")
	case wit.KindMap:
		g.p("for _, e := range v {")
		one(t.Elem, "e")
		g.p("}")
	}
	g.p("return nil")
}

// handleStruct names the emitted type of typed handles of r.
func (g *generator) handleStruct(r *wit.Resource) string { return "guest" + g.goName(r) }

// emitHandles writes the typed handles of the resources that iface defines.
func (g *generator) emitHandles(iface *wit.Interface, exports string, methods map[string]string) {
	ap, cp := g.use(abiPath), g.use("context")
	for _, def := range iface.Types {
		if def.Alias != nil || def.Resource == nil {
			continue
		}
		name, drop := g.typeName(def), "Drop"+camel(def.Name)
		if prev, ok := methods[drop]; ok {
			g.failf("function %s of %s has the name in Go of the drop of resource %s", prev, iface.Name, def.Name)
		}
		g.p("\n// %s ends r, which a component made and Go owns: its destructor runs.\n//", drop)
		g.p("// Errors: invalid if r is gone, only lent or no component's; those of a call.")
		g.p("func (exports *%s) %s(ctx %s.Context, r %s) error { return %s.Drop(ctx, r) }", exports, drop, cp, name, g.use(gluePath))
		handle := g.claim(g.handleStruct(def.Resource), "the handle of resource "+def.Name)
		g.p("\n// %s is a [%s] that a component made. Its methods call the instance itself.", handle, name)
		g.p("type %s struct {\n%s\ninst %s.Invoker\nexports *%s\n}", handle, handleType, ap, exports)
		for _, fn := range def.Methods {
			if fn.Kind != wit.Method {
				continue
			}
			sig := g.signature(iface, fn)
			args := []string{"ctx", "self.inst", "self"}
			for _, p := range sig.params {
				args = append(args, p.name)
			}
			g.p("\nfunc (self *%s) %s(%s) %s {", handle, sig.method, sig.paramList(cp+".Context"), sig.results)
			g.p("return self.exports.%s(%s)\n}", sig.glue, strings.Join(args, ", "))
		}
		g.p("\n// Drop is [%s.%s] without its error.", exports, drop)
		g.p("func (self *%s) Drop(ctx %s.Context) { _ = %s.Drop(ctx, self) }", handle, cp, g.use(gluePath))
	}
}

// emitGuests writes the types that handles of components' resources share.
func (g *generator) emitGuests() {
	if len(g.guests) == 0 {
		return
	}
	ap, wp := g.use(abiPath), g.use(witPath)
	g.claim(guestsType, "what components call their resources")
	g.claim(handleType, "what typed handles have in common")
	g.p("\n// %s says of a component what it calls each resource, and which exports\n// have the methods of those that it defines itself.", guestsType)
	g.p("type %s struct {", guestsType)
	for _, iface := range g.ifaces {
		own := false
		for _, def := range iface.Types {
			if def.Alias == nil && def.Resource != nil && g.guests[def.Resource] == iface {
				g.p("%s *%s.Resource", g.field(def.Resource), wp)
				own = true
			}
		}
		if own {
			g.p("%s *%sExports", home(iface), camel(iface.Name))
		}
	}
	g.p("}\n\n// %s makes a Go value stand for a component's resource.\ntype %s = %s.GuestHandle", handleType, handleType, ap)
}
