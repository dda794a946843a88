package bindgen

import (
	"errors"
	"fmt"
	"strings"

	"latticework/wit"
)

// ErrUnsupported is matched by the error of a package that uses what has no
// Go mapping yet: resources that a world itself defines.
var ErrUnsupported = errors.New("unsupported")

const (
	abiPath  = "latticework/wit/abi"
	gluePath = "latticework/wit/bindgen/glue"
	witPath  = "latticework/wit"
)

// primGo and primMethod give a primitive's Go type and the suffix of the
// methods that move it.
var primGo = map[wit.Kind]string{
	wit.KindBool: "bool", wit.KindS8: "int8", wit.KindU8: "uint8", wit.KindS16: "int16", wit.KindU16: "uint16",
	wit.KindS32: "int32", wit.KindU32: "uint32", wit.KindS64: "int64", wit.KindU64: "uint64",
	wit.KindF32: "float32", wit.KindF64: "float64", wit.KindChar: "rune", wit.KindString: "string",
}

var primMethod = map[wit.Kind]string{
	wit.KindBool: "Bool", wit.KindS8: "S8", wit.KindU8: "U8", wit.KindS16: "S16", wit.KindU16: "U16",
	wit.KindS32: "S32", wit.KindU32: "U32", wit.KindS64: "S64", wit.KindU64: "U64",
	wit.KindF32: "F32", wit.KindF64: "F64", wit.KindChar: "Char", wit.KindString: "String",
}

// isBytes reports whether t is list<u8>, which is []byte everywhere.
func isBytes(t *wit.Type) bool {
	return t.Kind == wit.KindList && t.Elem.Kind == wit.KindU8
}

// typeName returns the Go name of a definition in its own package.
func (g *generator) typeName(def *wit.TypeDef) string {
	name := camel(def.Name)
	if place, ok := g.inPlace[def.Owner]; ok {
		return camel(place) + name
	}
	if def.Owner == nil && def.World != nil && g.worldsType(def) {
		return camel(def.World.Name) + name
	}
	if def.Owner != nil && g.prefixed(def.Owner.Package, def.Name) {
		return camel(def.Owner.Name) + name
	}
	return name
}

// defRef returns the Go expression for a definition, qualified if it is of
// another package.
func (g *generator) defRef(def *wit.TypeDef) string {
	if def.Owner == nil || def.Owner.Package == g.pkg {
		return g.typeName(def)
	}
	return g.foreign(def) + g.typeName(def)
}

// foreign returns the qualifier, with its dot, of the Go package that holds
// def; "" if that is the package being written.
func (g *generator) foreign(def *wit.TypeDef) string {
	if def.Owner == nil || def.Owner.Package == g.pkg {
		return ""
	}
	path, ok := g.cfg.Imports[def.Owner.Package.Name.String()]
	if !ok {
		g.failf("type %s belongs to %s: no Go package is given for it", def.Name, def.Owner.Package.Name)
		return ""
	}
	return g.use(path) + "."
}

// def finds the definition of a nominal type.
func (g *generator) def(t *wit.Type) *wit.TypeDef {
	def := g.defs[t]
	if def == nil {
		g.failf("type %q has no definition in %s or the packages that it uses", t.Name, g.pkg.Name)
		return &wit.TypeDef{Name: "invalid-type", Type: t}
	}
	return def
}

// resource finds the definition of a resource.
func (g *generator) resource(r *wit.Resource) *wit.TypeDef {
	def := g.resources[r]
	if def == nil {
		g.failf("resource %q of %s is not defined in %s or the packages that it uses", r.Name, r.Interface, g.pkg.Name)
		return &wit.TypeDef{Name: r.Name, Resource: r}
	}
	return def
}

// resourceVar returns the Go expression of a resource's identity.
func (g *generator) resourceVar(r *wit.Resource) string {
	def := g.resource(r)
	return g.foreign(def) + "Resource" + strings.TrimPrefix(g.defRef(def), g.foreign(def))
}

// goType returns the Go type of t.
func (g *generator) goType(t *wit.Type) string {
	if t == nil {
		return "struct{}"
	}
	if s, ok := primGo[t.Kind]; ok {
		return s
	}
	switch t.Kind {
	case wit.KindRecord, wit.KindVariant, wit.KindEnum, wit.KindFlags:
		return g.defRef(g.def(t))
	case wit.KindList:
		if isBytes(t) {
			return "[]byte"
		}
		return "[]" + g.goType(t.Elem)
	case wit.KindFixedList:
		return fmt.Sprintf("[%d]%s", t.Len, g.goType(t.Elem))
	case wit.KindOption:
		return g.use(abiPath) + ".Option[" + g.goType(t.Elem) + "]"
	case wit.KindResult:
		return g.use(abiPath) + ".Result[" + g.goType(t.Elem) + ", " + g.goType(t.Err) + "]"
	case wit.KindTuple:
		return g.tupleType(t)
	case wit.KindOwn, wit.KindBorrow:
		return g.defRef(g.resource(t.Resource))
	case wit.KindStream:
		return g.use(abiPath) + ".Stream[" + g.goType(t.Elem) + "]"
	case wit.KindFuture:
		return g.use(abiPath) + ".Future[" + g.goType(t.Elem) + "]"
	case wit.KindMap:
		return "map[" + g.goType(t.Key) + "]" + g.goType(t.Elem)
	case wit.KindErrorContext:
		return "*" + g.use(abiPath) + ".ErrorContext"
	}
	g.errs = append(g.errs, fmt.Errorf("type of kind %d: %w: no Go mapping", t.Kind, ErrUnsupported))
	return "struct{}"
}

// tupleType returns abi.TupleN, or a struct of the same fields beyond the
// sizes that abi declares.
func (g *generator) tupleType(t *wit.Type) string {
	n := len(t.Fields)
	elems := make([]string, n)
	if n < 1 || n > 8 {
		for i, f := range t.Fields {
			elems[i] = fmt.Sprintf("F%d %s", i, g.goType(f.Type))
		}
		return "struct{ " + strings.Join(elems, "; ") + " }"
	}
	for i, f := range t.Fields {
		elems[i] = g.goType(f.Type)
	}
	return fmt.Sprintf("%s.Tuple%d[%s]", g.use(abiPath), n, strings.Join(elems, ", "))
}

// id returns the part of a helper's name that stands for t: unique for each
// type, readable, the Go name for a nominal one.
func (g *generator) id(t *wit.Type) string {
	key := g.goKey(t)
	if id, ok := g.ids[key]; ok {
		return id
	}
	id := g.idBase(t)
	for n := 2; g.idTaken[id] != ""; n++ {
		id = fmt.Sprintf("%s%d", g.idBase(t), n)
	}
	g.idTaken[id] = key
	g.ids[key] = id
	return id
}

func (g *generator) idBase(t *wit.Type) string {
	if t == nil {
		return "Unit"
	}
	if m, ok := primMethod[t.Kind]; ok {
		return m
	}
	switch t.Kind {
	case wit.KindRecord, wit.KindVariant, wit.KindEnum, wit.KindFlags:
		return exported(g.defRef(g.def(t)))
	case wit.KindList:
		if isBytes(t) {
			return "Bytes"
		}
		return "List" + g.id(t.Elem)
	case wit.KindFixedList:
		return fmt.Sprintf("List%d%s", t.Len, g.id(t.Elem))
	case wit.KindOption:
		return "Option" + g.id(t.Elem)
	case wit.KindResult:
		if t.Elem == nil && t.Err == nil {
			return "Result"
		}
		return "Result" + g.id(t.Elem) + g.id(t.Err)
	case wit.KindTuple:
		s := "Tuple"
		for _, f := range t.Fields {
			s += g.id(f.Type)
		}
		return s
	case wit.KindOwn:
		return "Own" + exported(g.defRef(g.resource(t.Resource)))
	case wit.KindBorrow:
		return "Borrow" + exported(g.defRef(g.resource(t.Resource)))
	case wit.KindStream:
		return "Stream" + g.id(t.Elem)
	case wit.KindFuture:
		return "Future" + g.id(t.Elem)
	case wit.KindMap:
		return "Map" + g.id(t.Key) + g.id(t.Elem)
	case wit.KindErrorContext:
		return "ErrorContext"
	}
	return "Invalid"
}

// exported turns "wasiio.InputStream" into "WasiioInputStream".
func exported(ref string) string {
	return camel(strings.ReplaceAll(ref, ".", "-"))
}

// goKey is a text that is the same for two types exactly if the helpers of one
// serve the other.
func (g *generator) goKey(t *wit.Type) string {
	if t == nil {
		return "_"
	}
	switch t.Kind {
	case wit.KindRecord, wit.KindVariant, wit.KindEnum, wit.KindFlags:
		return g.defRef(g.def(t))
	case wit.KindOwn, wit.KindBorrow:
		return fmt.Sprintf("%d<%s>", t.Kind, g.defRef(g.resource(t.Resource)))
	}
	s := fmt.Sprintf("%d.%d<", t.Kind, t.Len)
	for _, f := range t.Fields {
		s += g.goKey(f.Type) + ","
	}
	return s + g.goKey(t.Elem) + ";" + g.goKey(t.Err) + ";" + g.goKey(t.Key) + ">"
}

// emitTypes writes the Go types of iface's own definitions.
func (g *generator) emitTypes(iface *wit.Interface) {
	for _, def := range iface.Types {
		switch {
		case isUse(def):
			// A plain use: the Go type is that of the owner.
		case def.Alias != nil:
			g.emitAlias(def, g.defRef(def.Root()))
		case def.Resource != nil:
			g.emitResource(iface, def)
		case def.Type == nil:
			g.failf("type %s of %s has neither a structure nor a resource", def.Name, iface.Name)
		case def.Type.Kind == wit.KindRecord:
			g.emitRecord(def)
		case def.Type.Kind == wit.KindVariant:
			g.emitVariant(def)
		case def.Type.Kind == wit.KindEnum:
			g.emitEnum(def)
		case def.Type.Kind == wit.KindFlags:
			g.emitFlags(def)
		default:
			g.emitAlias(def, g.goType(def.Type))
		}
	}
}

func (g *generator) emitAlias(def *wit.TypeDef, target string) {
	if r := def.Root(); def.Alias != nil && r.Resource == nil && r.Type != nil && !isNominal(r.Type.Kind) {
		target = g.goType(r.Type)
	}
	name := g.claim(g.typeName(def), "the type "+def.Name)
	g.p("")
	g.doc(name+" is another name for "+target+".", def.Docs)
	g.p("type %s = %s", name, target)
}

func (g *generator) emitRecord(def *wit.TypeDef) {
	name := g.claim(g.typeName(def), "the type "+def.Name)
	g.p("")
	g.doc(fmt.Sprintf("%s is the record %s.", name, def.Name), def.Docs)
	g.p("type %s struct {", name)
	seen := map[string]bool{}
	for i, f := range def.Type.Fields {
		field := camel(f.Name)
		if seen[field] {
			g.failf("record %s has two fields named %s in Go", def.Name, field)
		}
		seen[field] = true
		g.memberDoc(def, i)
		g.p("%s %s", field, g.goType(f.Type))
	}
	g.p("}")
}

func (g *generator) emitEnum(def *wit.TypeDef) {
	name := g.claim(g.typeName(def), "the type "+def.Name)
	g.p("")
	g.doc(fmt.Sprintf("%s is the enum %s.", name, def.Name), def.Docs)
	g.p("type %s %s", name, discType(len(def.Type.Cases)))
	g.emitCases(name, def)
}

// emitCases writes the constants of an enum or of a variant's Case, and their
// String method.
func (g *generator) emitCases(name string, def *wit.TypeDef) {
	g.p("\n// The cases of %s.\nconst (", name)
	for i, c := range def.Type.Cases {
		ident := g.claim(name+camel(c.Name), fmt.Sprintf("case %s of %s", c.Name, name))
		g.memberDoc(def, i)
		if i == 0 {
			g.p("%s %s = iota", ident, name)
			continue
		}
		g.p("%s", ident)
	}
	g.p(")\n")
	table := lowerFirst(name) + "Names"
	g.claim(table, "the names of "+name)
	g.p("var %s = [...]string{", table)
	for _, c := range def.Type.Cases {
		g.p("%q,", c.Name)
	}
	g.p("}\n")
	g.p("// String returns the case's name in WIT, \"\" for a number that is none.")
	g.p("func (c %s) String() string {", name)
	g.p("if int(c) < len(%s) {\nreturn %s[c]\n}\nreturn \"\"\n}", table, table)
}

// memberDoc writes the documentation of a field, case or flag.
func (g *generator) memberDoc(def *wit.TypeDef, i int) {
	if i < len(def.Members) {
		g.doc("", def.Members[i].Docs)
	}
}

func discType(n int) string {
	switch {
	case n <= 1<<8:
		return "uint8"
	case n <= 1<<16:
		return "uint16"
	}
	return "uint32"
}

func (g *generator) emitFlags(def *wit.TypeDef) {
	name := g.claim(g.typeName(def), "the type "+def.Name)
	g.p("")
	g.doc(fmt.Sprintf("%s is the set of flags %s.", name, def.Name), def.Docs)
	g.p("type %s uint%d", name, flagBits(len(def.Type.Flags)))
	g.p("\n// The flags of %s.\nconst (", name)
	for i, f := range def.Type.Flags {
		ident := g.claim(name+camel(f), fmt.Sprintf("flag %s of %s", f, name))
		g.memberDoc(def, i)
		if i == 0 {
			g.p("%s %s = 1 << iota", ident, name)
			continue
		}
		g.p("%s", ident)
	}
	g.p(")")
}

// flagBits returns the width in bits of a set of n flags.
func flagBits(n int) int {
	switch {
	case n <= 8:
		return 8
	case n <= 16:
		return 16
	}
	return 32
}

func (g *generator) emitVariant(def *wit.TypeDef) {
	name := g.claim(g.typeName(def), "the type "+def.Name)
	kase := g.claim(name+"Case", "the case of "+name)
	g.p("\n// %s says which case a [%s] holds.", kase, name)
	g.p("type %s %s", kase, discType(len(def.Type.Cases)))
	g.emitCases(kase, def)
	g.p("")
	g.doc(fmt.Sprintf("%s is the variant %s: Case says which of the other fields counts.", name, def.Name), def.Docs)
	g.p("type %s struct {\nCase %s", name, kase)
	seen := map[string]bool{"Case": true}
	for _, c := range def.Type.Cases {
		if c.Type == nil {
			continue
		}
		if seen[camel(c.Name)] {
			g.failf("variant %s has two fields named %s in Go", def.Name, camel(c.Name))
		}
		seen[camel(c.Name)] = true
		g.p("%s %s", camel(c.Name), g.goType(c.Type))
	}
	g.p("}")
	for _, c := range def.Type.Cases {
		fn := g.claim(name+camel(c.Name), fmt.Sprintf("the constructor of case %s of %s", c.Name, name))
		g.p("\n// %s returns the case %s.", fn, c.Name)
		if c.Type == nil {
			g.p("func %s() %s { return %s{Case: %s%s} }", fn, name, name, kase, camel(c.Name))
			continue
		}
		g.p("func %s(v %s) %s {\nreturn %s{Case: %s%s, %s: v}\n}", fn, g.goType(c.Type), name, name, kase, camel(c.Name), camel(c.Name))
	}
}

// emitResource writes the resource's identity and its Go interface.
func (g *generator) emitResource(iface *wit.Interface, def *wit.TypeDef) {
	name := g.claim(g.typeName(def), "the resource "+def.Name)
	ident := g.claim("Resource"+name, "the identity of resource "+def.Name)
	wp := g.use(witPath)
	g.p("\n// %s is the identity of the resource %s.", ident, def.Name)
	g.p("var %s = &%s.Resource{Name: %q, Interface: %q}", ident, wp, def.Name, g.componentName(iface))
	g.p("")
	g.doc(fmt.Sprintf("%s is the resource %s.", name, def.Name), def.Docs)
	g.p("type %s interface {", name)
	for _, fn := range def.Methods {
		if fn.Kind != wit.Method {
			continue
		}
		sig := g.signature(iface, fn)
		if sig.method == "Drop" {
			g.failf("method %s of %s has the name of the method that every resource has", fn.ItemName(), def.Name)
		}
		g.methodDoc(sig)
		g.p("%s(%s) %s", sig.method, sig.paramList(g.use("context")+".Context"), sig.results)
	}
	g.doc("", "Drop is called when the last owner let go of it.")
	g.p("Drop(ctx %s.Context)\n}", g.use("context"))
}
