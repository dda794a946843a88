package bindgen

import (
	"fmt"
	"slices"
	"strings"

	"latticework/wit"
)

// signature is a WIT function as Go sees it.
type signature struct {
	fn *wit.Func
	// method is the Go method's name, on the resource for a method, else on
	// the interface.
	method string
	// glue is the function's name among all of its interface.
	glue string
	// self is the resource of a method, nil otherwise.
	self   *wit.TypeDef
	params []param
	// ok is the type of the answer, nil without one; err that of the error
	// case, nil for a unit one. fallible tells whether there is an error case.
	ok, err  *wit.Type
	fallible bool
	// views tells that list<u8> parameters are handed over in place.
	views bool
	// waits tells that the function may take its time: the guest goes on
	// meanwhile.
	waits bool
	// results is the Go result list.
	results string
}

type param struct {
	name   string
	goType string
	typ    *wit.Type
}

// paramList renders the parameters after ctx.
func (s *signature) paramList(ctxType string, more ...string) string {
	parts := append([]string{"ctx " + ctxType}, more...)
	for _, p := range s.params {
		parts = append(parts, p.name+" "+p.goType)
	}
	return strings.Join(parts, ", ")
}

func (g *generator) signature(iface *wit.Interface, fn *wit.Func) *signature {
	name := iface.Name + "." + fn.Name
	s := &signature{
		fn: fn, views: slices.Contains(g.cfg.Views, name),
		waits: fn.Type.Async && !slices.Contains(g.cfg.Prompt, name),
	}
	if s.views && s.waits {
		g.failf("function %s is async: what it is given cannot be handed over in place", fn.Name)
	}
	params := fn.Type.Params
	switch fn.Kind {
	case wit.Constructor:
		s.glue = "New" + camel(fn.Resource.Name)
		s.method = s.glue
	case wit.Method:
		s.glue = camel(fn.Resource.Name) + camel(fn.ItemName())
		s.method = camel(fn.ItemName())
		if len(params) == 0 || params[0].Type.Kind != wit.KindBorrow {
			g.failf("function %s does not begin with its resource", fn.Name)
			return s
		}
		s.self = g.resource(params[0].Type.Resource)
		params = params[1:]
	case wit.Static:
		s.glue = camel(fn.Resource.Name) + camel(fn.ItemName())
		s.method = s.glue
	default:
		s.glue = camel(fn.Name)
		s.method = s.glue
	}
	for _, p := range params {
		name := paramName(p.Name)
		for slices.ContainsFunc(s.params, func(other param) bool { return other.name == name }) {
			name += "_" // a1 and a-1 are one name in Go
		}
		s.params = append(s.params, param{name: name, goType: g.goType(p.Type), typ: p.Type})
	}
	s.ok = fn.Type.Result
	if s.ok != nil && s.ok.Kind == wit.KindResult {
		s.fallible, s.err, s.ok = true, s.ok.Err, s.ok.Elem
	}
	s.results = "error"
	if s.ok != nil {
		s.results = "(" + g.goType(s.ok) + ", error)"
	}
	return s
}

// emitInterface writes everything that belongs to one WIT interface.
func (g *generator) emitInterface(iface *wit.Interface) {
	if part := g.parts[iface]; part != nil {
		g.emitPart(iface, part)
		return
	}
	g.emitGoInterface(iface)
	g.emitTypes(iface)
	if len(iface.Funcs) == 0 && !definesResource(iface) {
		return
	}
	g.emitFuncTypes(iface)
	if g.cfg.Imported == nil || slices.Contains(g.cfg.Imported, iface.Name) {
		g.emitServer(iface)
	}
	if g.wantsClient(iface) {
		g.emitClient(iface)
	}
}

func (g *generator) wantsClient(iface *wit.Interface) bool {
	if part := g.parts[iface]; part != nil {
		return part.exported
	}
	if g.cfg.Exports != nil {
		return slices.Contains(g.cfg.Exports, iface.Name)
	}
	return !definesResource(iface) || slices.ContainsFunc(g.pkg.Worlds, func(w *wit.World) bool {
		return slices.ContainsFunc(w.Exports, func(ex wit.WorldItem) bool { return ex.Interface == iface })
	})
}

func definesResource(iface *wit.Interface) bool {
	return slices.ContainsFunc(iface.Types, func(d *wit.TypeDef) bool { return d.Alias == nil && d.Resource != nil })
}

// emitGoInterface writes the Go interface with one method for each function
// that is not a resource's method.
func (g *generator) emitGoInterface(iface *wit.Interface) {
	if len(iface.Funcs) == 0 && !definesResource(iface) {
		return
	}
	name := g.claim(camel(iface.Name)+"Interface", "the interface "+iface.Name)
	g.p("")
	is := "is"
	if part := g.parts[iface]; part != nil && part.plain {
		is = "has"
	}
	g.doc(fmt.Sprintf("%s %s %s.", name, is, g.told(iface)), iface.Docs)
	g.p("type %s interface {", name)
	seen := map[string]string{}
	for _, fn := range iface.Funcs {
		sig := g.signature(iface, fn)
		if prev, ok := seen[sig.glue]; ok {
			g.failf("functions %s and %s of %s have one name in Go", prev, fn.Name, iface.Name)
		}
		seen[sig.glue] = fn.Name
		if sig.self != nil {
			continue
		}
		g.methodDoc(sig)
		g.p("%s(%s) %s", sig.method, sig.paramList(g.use("context")+".Context"), sig.results)
	}
	g.p("}")
}

// methodDoc writes the documentation of a method of a Go interface.
func (g *generator) methodDoc(sig *signature) {
	docs := strings.TrimSpace(sig.fn.Docs)
	if sig.views {
		docs = strings.TrimSpace(docs + "\n\nThe bytes it is given are valid only until it returns.")
	}
	g.doc("", docs)
}
