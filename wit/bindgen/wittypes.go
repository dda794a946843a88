package bindgen

import (
	"fmt"
	"strings"

	"latticework/wit"
)

// witType is a component-model type to be written as a Go literal.
type witType struct {
	name string
	typ  *wit.Type
}

// kindNames gives the identifiers of the kinds.
var kindNames = map[wit.Kind]string{
	wit.KindBool: "KindBool", wit.KindS8: "KindS8", wit.KindU8: "KindU8", wit.KindS16: "KindS16", wit.KindU16: "KindU16",
	wit.KindS32: "KindS32", wit.KindU32: "KindU32", wit.KindS64: "KindS64", wit.KindU64: "KindU64",
	wit.KindF32: "KindF32", wit.KindF64: "KindF64", wit.KindChar: "KindChar", wit.KindString: "KindString",
	wit.KindErrorContext: "KindErrorContext",
	wit.KindList:         "KindList", wit.KindFixedList: "KindFixedList", wit.KindRecord: "KindRecord", wit.KindTuple: "KindTuple",
	wit.KindVariant: "KindVariant", wit.KindEnum: "KindEnum", wit.KindOption: "KindOption", wit.KindResult: "KindResult",
	wit.KindFlags: "KindFlags", wit.KindOwn: "KindOwn", wit.KindBorrow: "KindBorrow",
	wit.KindStream: "KindStream", wit.KindFuture: "KindFuture", wit.KindMap: "KindMap",
}

// funcVar names the variable that holds a function's type.
func funcVar(iface *wit.Interface, sig *signature) string {
	return "func" + camel(iface.Name) + sig.glue
}

// emitFuncTypes writes the types of iface's functions, which a linker compares
// with those of a component.
func (g *generator) emitFuncTypes(iface *wit.Interface) {
	if len(iface.Funcs) == 0 {
		return
	}
	wp := g.use(witPath)
	of := "the functions of " + iface.QualifiedName()
	if g.parts[iface] != nil {
		of = g.told(iface)
	}
	g.p("\n// The types of %s.\nvar (", of)
	for _, fn := range iface.Funcs {
		name := g.claim(funcVar(iface, g.signature(iface, fn)), "the type of "+fn.Name+" of "+iface.Name)
		g.p("%s = &%s.FuncType{", name, wp)
		if len(fn.Type.Params) > 0 {
			params := make([]string, len(fn.Type.Params))
			for i, p := range fn.Type.Params {
				params[i] = fmt.Sprintf("{Name: %q, Type: %s}", p.Name, g.witVar(p.Type))
			}
			g.p("Params: []%s.Param{%s},", wp, strings.Join(params, ", "))
		}
		if fn.Type.Result != nil {
			g.p("Result: %s,", g.witVar(fn.Type.Result))
		}
		if fn.Type.Async {
			g.p("Async: true,")
		}
		g.p("}")
	}
	g.p(")")
}

// witVar returns the Go expression of the component-model type t.
func (g *generator) witVar(t *wit.Type) string {
	name := "wit" + g.id(t)
	if !g.witAsked[name] {
		g.witAsked[name] = true
		g.claim(name, "the component-model type "+name)
		g.witTypes = append(g.witTypes, witType{name, t})
	}
	return name
}

// emitWitTypes writes the literals asked for, and those that they ask for.
func (g *generator) emitWitTypes() {
	if len(g.witTypes) == 0 {
		return
	}
	g.p("\n// The component-model types that the functions above are made of.\nvar (")
	for i := 0; i < len(g.witTypes); i++ {
		g.p("%s = %s", g.witTypes[i].name, g.witLiteral(g.witTypes[i].typ))
	}
	g.p(")")
}

// witLiteral renders t as a composite literal.
func (g *generator) witLiteral(t *wit.Type) string {
	wp := g.use(witPath)
	kind := wp + "." + kindNames[t.Kind]
	if wit.Primitive(t.Kind) != nil {
		return "&" + wp + ".Type" + strings.TrimPrefix(kindNames[t.Kind], "Kind")
	}
	parts := []string{"Kind: " + kind}
	add := func(form string, args ...any) { parts = append(parts, fmt.Sprintf(form, args...)) }
	if isNominal(t.Kind) {
		add("Name: %q", t.Name)
	}
	if len(t.Fields) > 0 {
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = fmt.Sprintf("\n{Type: %s}", g.witVar(f.Type))
			if f.Name != "" {
				fields[i] = fmt.Sprintf("\n{Name: %q, Type: %s}", f.Name, g.witVar(f.Type))
			}
		}
		add("Fields: []%s.Field{%s,\n}", wp, strings.Join(fields, ","))
	}
	if len(t.Cases) > 0 {
		cases := make([]string, len(t.Cases))
		for i, c := range t.Cases {
			cases[i] = fmt.Sprintf("\n{Name: %q}", c.Name)
			if c.Type != nil {
				cases[i] = fmt.Sprintf("\n{Name: %q, Type: %s}", c.Name, g.witVar(c.Type))
			}
		}
		add("Cases: []%s.Case{%s,\n}", wp, strings.Join(cases, ","))
	}
	if len(t.Flags) > 0 {
		add("Flags: []string{\n%s,\n}", strings.Join(quoted(t.Flags), ",\n"))
	}
	if t.Key != nil {
		add("Key: %s", g.witVar(t.Key))
	}
	if t.Elem != nil {
		add("Elem: %s", g.witVar(t.Elem))
	}
	if t.Err != nil {
		add("Err: %s", g.witVar(t.Err))
	}
	if t.Len != 0 {
		add("Len: %d", t.Len)
	}
	if t.Resource != nil {
		add("Resource: %s", g.resourceVar(t.Resource))
	}
	return fmt.Sprintf("&%s.Type{%s}", wp, strings.Join(parts, ", "))
}

func quoted(ss []string) []string {
	out := make([]string, len(ss))
	for i, s := range ss {
		out[i] = fmt.Sprintf("%q", s)
	}
	return out
}
