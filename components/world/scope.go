package world

import (
	"strings"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
	"latticework/wit"
)

// scope is where types and functions are being written: an interface, or the
// world if iface is nil.
type scope struct {
	*builder
	iface *wit.Interface
}

// typeExport adds a type to the interface, unless it has it from an import of
// the same name.
func (s *scope) typeExport(e validate.Extern) error {
	d := s.iface.TypeDef(e.Name.Name)
	if d == nil {
		s.define(e.Name.Name, e.Type)
		return nil
	}
	if e.Type.Kind == validate.KindResource {
		if d.Resource == nil {
			return s.differs(e)
		}
		if s.resources[e.Type.Res] == nil {
			s.resources[e.Type.Res] = d
		}
	} else if d.Type == nil || describe(d.Type) != describe(s.structure(e.Type)) {
		return s.differs(e)
	}
	s.record(e.Type, d)
	return nil
}

func (s *scope) funcExport(e validate.Extern) error {
	f := s.function(e)
	have := s.iface.Func(f.Name)
	if have == nil {
		s.iface.Funcs = append(s.iface.Funcs, f)
		return nil
	}
	if describeFunc(have.Type) != describeFunc(f.Type) {
		return s.differs(e)
	}
	return nil
}

func (s *scope) differs(e validate.Extern) error {
	return errcode.New(errcode.Unsupported, "read world: %s of %s is imported and exported with different types: WIT cannot say that",
		e.Name.Name, s.iface.QualifiedName())
}

// record makes d what t is known by from here on.
func (s *scope) record(t *validate.Type, d *wit.TypeDef) {
	s.nodes[t] = d
	if o := originOf(t); o != nil && s.origins[o] == nil {
		s.origins[o] = d
	}
}

// originOf tells copies of a definition, which share their fields, from
// definitions that look the same.
func originOf(t *validate.Type) *validate.Field {
	if t.Value() && len(t.Fields) > 0 {
		return &t.Fields[0]
	}
	return nil
}

// define adds a type definition to the interface or world.
func (s *scope) define(name string, t *validate.Type) *wit.TypeDef {
	d := &wit.TypeDef{Name: name, Owner: s.iface}
	if s.iface == nil {
		d.World = s.world
	}
	switch {
	case t.Kind == validate.KindResource:
		s.resource(d, t.Res)
	case t.Kind == validate.KindPrim:
		d.Type = wit.Primitive(prims[t.Prim])
	default:
		if o := originOf(t); o != nil {
			d.Alias = s.origins[o]
		}
		if d.Alias != nil {
			d.Type = d.Alias.Type
		} else {
			d.Type = s.structure(t)
			d.Type.Name = name
		}
	}
	s.record(t, d)
	if s.iface != nil {
		s.iface.Types = append(s.iface.Types, d)
	}
	return d
}

func (s *scope) resource(d *wit.TypeDef, r *validate.Resource) {
	if d.Alias = s.resources[r]; d.Alias != nil {
		d.Resource = d.Alias.Resource
	} else {
		d.Resource = &wit.Resource{Name: d.Name}
		if s.iface != nil {
			d.Resource.Interface = s.iface.QualifiedName()
		}
		s.resources[r] = d
	}
	d.Type = &wit.Type{Resource: d.Resource}
}

var funcKinds = []struct {
	prefix string
	kind   wit.FuncKind
}{{"[method]", wit.Method}, {"[static]", wit.Static}, {"[constructor]", wit.Constructor}}

// function returns e as a function, and gives it to its resource.
func (s *scope) function(e validate.Extern) *wit.Func {
	f := &wit.Func{Name: e.Name.Name, Type: &wit.FuncType{Async: e.Type.Async, Result: s.use(e.Type.Elem)}}
	if id := e.Name.ExternalID; id != nil {
		f.ExternalID = *id
	}
	for _, p := range e.Type.Fields {
		f.Type.Params = append(f.Type.Params, wit.Param{Name: p.Name, Type: s.use(p.Type)})
	}
	for _, k := range funcKinds {
		rest, ok := strings.CutPrefix(f.Name, k.prefix)
		if !ok {
			continue
		}
		label, _, _ := strings.Cut(rest, ".")
		if d := s.typeDef(label); d != nil && d.Resource != nil {
			f.Kind, f.Resource = k.kind, d.Resource
			if s.iface == nil || s.iface.Func(f.Name) == nil {
				d.Methods = append(d.Methods, f)
			}
		}
	}
	return f
}

// typeDef returns the type that goes by a name here, or nil.
func (s *scope) typeDef(name string) *wit.TypeDef {
	if s.iface != nil {
		return s.iface.TypeDef(name)
	}
	if item := s.world.Import(name); item != nil {
		return item.Type
	}
	return nil
}

// use returns the type that stands for t where it is used. One that has its
// name in another interface is brought in.
func (s *scope) use(t *validate.Type) *wit.Type {
	if t == nil {
		return nil
	}
	if t.Kind == validate.KindPrim {
		return wit.Primitive(prims[t.Prim])
	}
	d := s.nodes[t]
	if o := originOf(t); d == nil && o != nil {
		d = s.origins[o]
	}
	if d == nil {
		return s.structure(t)
	}
	s.bring(d)
	return d.Type
}

// bring makes d, a definition of another interface, known in this scope.
func (s *scope) bring(d *wit.TypeDef) {
	if d.Owner == nil || d.Owner == s.iface || d.Owner.Name == "" {
		return
	}
	if s.iface == nil {
		s.bringToWorld(d)
		return
	}
	for _, have := range s.iface.Types {
		if have.Type == d.Type || have.Resource != nil && have.Resource == d.Resource {
			return
		}
	}
	if s.iface.TypeDef(d.Name) == nil {
		s.iface.Types = append(s.iface.Types, &wit.TypeDef{Name: d.Name, Owner: s.iface, Alias: d, Type: d.Type, Resource: d.Resource})
	}
}

// bringToWorld is bring for functions of the world itself: a `use` in a world
// is an import of the type.
func (s *scope) bringToWorld(d *wit.TypeDef) {
	for _, have := range s.world.Imports {
		if have.Type != nil && (have.Type.Type == d.Type || have.Type.Resource != nil && have.Type.Resource == d.Resource) {
			return
		}
	}
	alias := &wit.TypeDef{Name: d.Name, World: s.world, Alias: d, Type: d.Type, Resource: d.Resource}
	s.world.Imports = append(s.world.Imports, wit.WorldItem{Name: d.Name, Type: alias})
}

var prims = map[binary.Prim]wit.Kind{
	binary.PrimBool: wit.KindBool, binary.PrimS8: wit.KindS8, binary.PrimU8: wit.KindU8,
	binary.PrimS16: wit.KindS16, binary.PrimU16: wit.KindU16, binary.PrimS32: wit.KindS32,
	binary.PrimU32: wit.KindU32, binary.PrimS64: wit.KindS64, binary.PrimU64: wit.KindU64,
	binary.PrimF32: wit.KindF32, binary.PrimF64: wit.KindF64, binary.PrimChar: wit.KindChar,
	binary.PrimString: wit.KindString, binary.PrimErrorContext: wit.KindErrorContext,
}

var kinds = map[validate.Kind]wit.Kind{
	validate.KindRecord: wit.KindRecord, validate.KindVariant: wit.KindVariant, validate.KindList: wit.KindList,
	validate.KindFixedList: wit.KindFixedList, validate.KindTuple: wit.KindTuple, validate.KindFlags: wit.KindFlags,
	validate.KindEnum: wit.KindEnum, validate.KindOption: wit.KindOption, validate.KindResult: wit.KindResult,
	validate.KindOwn: wit.KindOwn, validate.KindBorrow: wit.KindBorrow, validate.KindStream: wit.KindStream,
	validate.KindFuture: wit.KindFuture, validate.KindMap: wit.KindMap,
}

// structure returns what t is made of.
func (s *scope) structure(t *validate.Type) *wit.Type {
	w := &wit.Type{Kind: kinds[t.Kind], Len: t.Len}
	switch t.Kind {
	case validate.KindPrim:
		return wit.Primitive(prims[t.Prim])
	case validate.KindOwn, validate.KindBorrow:
		if d := s.nodes[t.Elem]; d != nil {
			s.bring(d)
			w.Resource = d.Resource
		} else if d := s.resources[t.Elem.Res]; d != nil {
			s.bring(d)
			w.Resource = d.Resource
		}
		return w
	case validate.KindFlags:
		for _, f := range t.Fields {
			w.Flags = append(w.Flags, f.Name)
		}
	case validate.KindVariant, validate.KindEnum:
		for _, f := range t.Fields {
			w.Cases = append(w.Cases, wit.Case{Name: f.Name, Type: s.use(f.Type)})
		}
	default:
		for _, f := range t.Fields {
			w.Fields = append(w.Fields, wit.Field{Name: f.Name, Type: s.use(f.Type)})
		}
	}
	w.Elem, w.Err, w.Key = s.use(t.Elem), s.use(t.Err), s.use(t.Key)
	return w
}
