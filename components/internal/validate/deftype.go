package validate

import (
	"strings"

	"latticework/components/internal/binary"
)

// typeDef resolves a type definition.
func (v *validator) typeDef(s *scope, d *binary.Type) (*Type, error) {
	switch d.Kind {
	case binary.TypeFunc:
		return v.funcType(s, d.Func)
	case binary.TypeComponent:
		return v.declType(s, inComponentType, d.Decls)
	case binary.TypeInstance:
		return v.declType(s, inInstanceType, d.Decls)
	case binary.TypeResource:
		return v.resourceType(s, d.Resource)
	}
	t, err := v.valueType(s, d)
	if err != nil {
		return nil, err
	}
	return v.seal(t)
}

// val resolves a use of a value type.
func (v *validator) val(s *scope, t binary.ValType) (*Type, error) {
	if t.Prim != binary.PrimNone {
		return v.prim(t.Prim)
	}
	r, err := s.typeAt(t.Index)
	if err == nil && !r.Value() {
		return nil, invalid("type index %d is not a defined type", t.Index)
	}
	return r, err
}

// optVal resolves an optional use of a value type.
func (v *validator) optVal(s *scope, t *binary.ValType) (*Type, error) {
	if t == nil {
		return nil, nil
	}
	return v.val(s, *t)
}

var simpleKinds = [256]Kind{
	binary.TypeList: KindList, binary.TypeFixedList: KindFixedList, binary.TypeOption: KindOption,
	binary.TypeResult: KindResult, binary.TypeStream: KindStream, binary.TypeFuture: KindFuture,
	binary.TypeMap: KindMap,
}

func (v *validator) valueType(s *scope, d *binary.Type) (t *Type, err error) {
	switch d.Kind {
	case binary.TypePrim:
		return &Type{Kind: KindPrim, Prim: d.Elem.Prim}, nil
	case binary.TypeRecord:
		return v.fields(s, KindRecord, d.Fields, "record type must have at least one field", "record field", "field")
	case binary.TypeVariant:
		return v.cases(s, d.Cases)
	case binary.TypeTuple:
		return v.fields(s, KindTuple, d.Fields, "tuple type must have at least one type", "", "")
	case binary.TypeFlags:
		if len(d.Labels) > maxFlags {
			return nil, invalid("cannot have more than %d flags: %d", maxFlags, len(d.Labels))
		}
		return v.labels(KindFlags, d.Labels, "flags must have at least one entry", "flag", "flag")
	case binary.TypeEnum:
		return v.labels(KindEnum, d.Labels, "enum type must have at least one variant", "enum tag", "tag")
	case binary.TypeOwn, binary.TypeBorrow:
		r, err := s.kindAt(d.Index, KindResource, "a resource")
		k := KindOwn
		if d.Kind == binary.TypeBorrow {
			k = KindBorrow
		}
		return &Type{Kind: k, Elem: r}, err
	}
	t = &Type{Kind: simpleKinds[d.Kind], Len: d.Len}
	if t.Elem, err = v.optVal(s, d.Elem); err != nil {
		return nil, err
	}
	if t.Err, err = v.optVal(s, d.Err); err != nil {
		return nil, err
	}
	if t.Key, err = v.optVal(s, d.Key); err != nil {
		return nil, err
	}
	return t, checkSimple(t)
}

// checkSimple checks the rules of the kinds in simpleKinds.
func checkSimple(t *Type) error {
	switch t.Kind {
	case KindFixedList:
		if t.Len == 0 {
			return invalid("fixed-length lists must have more than zero elements")
		}
	case KindStream, KindFuture:
		if t.Elem == nil {
			return nil
		}
		if t.Elem.borrow {
			return invalid("%s element type cannot contain a `borrow` type", t.Kind)
		}
		if t.Kind == KindStream && t.Elem.Kind == KindPrim && t.Elem.Prim == binary.PrimChar {
			return invalid("`stream<char>` is not valid at this time")
		}
	case KindMap:
		if !keyType(t.Key) {
			return invalid("a %s cannot be the key type of a map", describe(t.Key))
		}
	}
	return nil
}

// keyType reports whether t may be a map's key: a boolean, an integer, a
// character or a string.
func keyType(t *Type) bool {
	if t.Kind != KindPrim {
		return false
	}
	switch t.Prim {
	case binary.PrimF32, binary.PrimF64, binary.PrimErrorContext:
		return false
	}
	return true
}

func (v *validator) fields(s *scope, k Kind, fs []binary.Field, empty, what, short string) (*Type, error) {
	if len(fs) == 0 && empty != "" {
		return nil, invalid("%s", empty)
	}
	t := &Type{Kind: k, Fields: make([]Field, 0, len(fs))}
	seen := labelSet{what: what, short: short}
	for _, f := range fs {
		if what != "" {
			if err := seen.add(f.Name); err != nil {
				return nil, err
			}
		}
		ft, err := v.val(s, f.Type)
		if err != nil {
			return nil, err
		}
		t.Fields = append(t.Fields, Field{f.Name, ft})
	}
	return t, nil
}

func (v *validator) cases(s *scope, cs []binary.Case) (*Type, error) {
	if len(cs) == 0 {
		return nil, invalid("variant type must have at least one case")
	}
	t := &Type{Kind: KindVariant, Fields: make([]Field, 0, len(cs))}
	seen := labelSet{what: "variant case", short: "case"}
	for _, c := range cs {
		if err := seen.add(c.Name); err != nil {
			return nil, err
		}
		ct, err := v.optVal(s, c.Type)
		if err != nil {
			return nil, err
		}
		t.Fields = append(t.Fields, Field{c.Name, ct})
	}
	return t, nil
}

func (v *validator) labels(k Kind, ls []string, empty, what, short string) (*Type, error) {
	if len(ls) == 0 {
		return nil, invalid("%s", empty)
	}
	t := &Type{Kind: k, Fields: make([]Field, 0, len(ls))}
	seen := labelSet{what: what, short: short}
	for _, l := range ls {
		if err := seen.add(l); err != nil {
			return nil, err
		}
		t.Fields = append(t.Fields, Field{Name: l})
	}
	return t, nil
}

// labelSet checks that labels are well-formed and strongly unique.
type labelSet struct {
	what, short string
	seen        map[string]string
}

func (l *labelSet) add(name string) error {
	if name == "" {
		return invalid("%s name cannot be empty", l.what)
	}
	if !isLabel(name) {
		return invalid("%s name `%s` is not in kebab case", l.what, name)
	}
	key := strings.ToLower(name)
	if prev, dup := l.seen[key]; dup {
		return invalid("%s name `%s` conflicts with previous %s name `%s`", l.what, name, l.short, prev)
	}
	if l.seen == nil {
		l.seen = map[string]string{}
	}
	l.seen[key] = name
	return nil
}

func (v *validator) funcType(s *scope, d *binary.FuncType) (*Type, error) {
	t, err := v.fields(s, KindFunc, d.Params, "", "function parameter", "parameter")
	if err != nil {
		return nil, err
	}
	t.Async = d.Async
	if t.Elem, err = v.optVal(s, d.Result); err != nil {
		return nil, err
	}
	if t.Elem != nil && t.Elem.borrow {
		return nil, invalid("function result cannot contain a `borrow` type")
	}
	return v.seal(t)
}

func (v *validator) resourceType(s *scope, d *binary.ResourceType) (*Type, error) {
	if s.kind != inComponent {
		return nil, invalid("resources can only be defined within a concrete component")
	}
	if d.Rep.Code != binary.CoreI32 {
		return nil, invalid("resources can only be represented by `i32`")
	}
	if d.Dtor != nil {
		f, err := get(s.coreFuncs, *d.Dtor, "function")
		if err != nil {
			return nil, err
		}
		if !f.is([]byte{binary.CoreI32}, nil) {
			return nil, invalid("core function %d has wrong signature for a destructor", *d.Dtor)
		}
	}
	r := &Resource{owner: s}
	s.made = append(s.made, Binding{Res: r})
	return v.seal(&Type{Kind: KindResource, Res: r})
}

// declType resolves a component type or an instance type.
func (v *validator) declType(parent *scope, kind scopeKind, decls []binary.Decl) (*Type, error) {
	s := newScope(kind, parent)
	for _, d := range decls {
		what, err := v.decl(s, d.Item)
		if err != nil {
			return nil, at(what, d.Offset, err)
		}
	}
	if kind == inInstanceType {
		return v.seal(&Type{Kind: KindInstance, Instance: &InstanceType{Exports: s.exports, Made: s.made}})
	}
	return v.seal(&Type{Kind: KindComponent, Component: &ComponentType{
		Imports: s.imports, Exports: s.exports, Given: s.given, Made: s.made,
	}})
}

func (v *validator) decl(s *scope, item binary.DeclItem) (what string, err error) {
	switch d := item.(type) {
	case *binary.CoreType:
		return "core type", v.coreType(s, d)
	case *binary.Type:
		t, err := v.typeDef(s, d)
		s.types = append(s.types, t)
		return "type", err
	case *binary.Alias:
		return "alias", v.alias(s, d)
	case *binary.Import:
		return "import", v.importDef(s, d)
	case *binary.ExportDecl:
		return "export", v.exportDecl(s, d)
	}
	return "declarator", invalid("unknown declarator %T", item)
}
