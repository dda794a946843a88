package value

import (
	"slices"
	"strings"

	"latticework/internal/errcode"
	"latticework/wit"
)

// Parse reads a value of type t from WAVE text.
//
// Where the type leaves no doubt, some( ) and ok( ) may be left out, and so
// may a record's fields that are options.
//
// Errors: invalid with the column; unsupported if t holds a resource handle,
// stream, future or error-context, which have no text.
func Parse(t *wit.Type, text string) (Value, error) {
	s := &scanner{text: text}
	v, err := s.value(t, 0)
	if err != nil {
		return nil, err
	}
	return v, s.end()
}

// value reads a value of type t.
func (s *scanner) value(t *wit.Type, depth int) (Value, error) {
	if t == nil || depth > MaxDepth {
		return nil, s.errorAt(s.off, "nesting %d > %d", depth, MaxDepth)
	}
	switch t.Kind {
	case wit.KindS8, wit.KindS16, wit.KindS32, wit.KindS64:
		return s.signedValue(t.Kind)
	case wit.KindU8, wit.KindU16, wit.KindU32, wit.KindU64:
		return s.unsignedValue(t.Kind)
	case wit.KindF32:
		f, err := s.float("f32", 32)
		return F32(f), err
	case wit.KindF64:
		f, err := s.float("f64", 64)
		return F64(f), err
	case wit.KindChar:
		r, err := s.char()
		return Char(r), err
	case wit.KindString:
		text, err := s.string()
		return String(text), err
	case wit.KindBool:
		return s.boolValue()
	case wit.KindList, wit.KindFixedList:
		return s.list(t, depth)
	case wit.KindMap:
		return s.mapValue(t, depth)
	case wit.KindRecord:
		return s.record(t, depth)
	case wit.KindTuple:
		return s.tuple(t, depth)
	case wit.KindVariant, wit.KindEnum:
		return s.variant(t, depth)
	case wit.KindOption:
		return s.option(t, depth)
	case wit.KindResult:
		return s.result(t, depth)
	case wit.KindFlags:
		return s.flags(t)
	}
	return nil, errcode.New(errcode.Unsupported, "parse %s: it has no text form", kindName(t))
}

func (s *scanner) signedValue(k wit.Kind) (Value, error) {
	bits := 8 << ((k - wit.KindS8) / 2)
	n, err := s.signed(kindNames[k], bits)
	switch k {
	case wit.KindS8:
		return S8(n), err
	case wit.KindS16:
		return S16(n), err
	case wit.KindS32:
		return S32(n), err
	}
	return S64(n), err
}

func (s *scanner) unsignedValue(k wit.Kind) (Value, error) {
	bits := 8 << ((k - wit.KindU8) / 2)
	n, err := s.unsigned(kindNames[k], bits)
	switch k {
	case wit.KindU8:
		return U8(n), err
	case wit.KindU16:
		return U16(n), err
	case wit.KindU32:
		return U32(n), err
	}
	return U64(n), err
}

func (s *scanner) boolValue() (Value, error) {
	start := s.start()
	switch name, escaped := s.label(); {
	case name == "true" && !escaped:
		return Bool(true), nil
	case name == "false" && !escaped:
		return Bool(false), nil
	}
	s.off = start
	return nil, s.want("bool, true or false")
}

// sequence reads items between opening and closing, separated by commas, of
// which one may stand behind the last.
func (s *scanner) sequence(opening, closing byte, item func(i int) error) error {
	if err := s.expect(opening); err != nil {
		return err
	}
	for i := 0; !s.accept(closing); i++ {
		if err := item(i); err != nil {
			return err
		}
		if s.accept(',') {
			continue
		}
		if s.peek() != closing {
			return s.want(`"," or "` + string(closing) + `"`)
		}
	}
	return nil
}

func (s *scanner) list(t *wit.Type, depth int) (Value, error) {
	start := s.start()
	vs := List{}
	err := s.sequence('[', ']', func(int) error {
		v, err := s.value(t.Elem, depth+1)
		vs = append(vs, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := checkLen(t, len(vs)); err != nil {
		return nil, s.errorAt(start, "%w", err)
	}
	if t.Elem == nil || t.Elem.Kind != wit.KindU8 {
		return vs, nil
	}
	b := make(Bytes, len(vs))
	for i, v := range vs {
		b[i] = byte(v.(U8))
	}
	return b, nil
}

func (s *scanner) mapValue(t *wit.Type, depth int) (Value, error) {
	vs := List{}
	start := s.start()
	if s.accept('{') && s.accept(':') {
		return vs, s.expect('}')
	}
	s.off = start
	err := s.sequence('{', '}', func(int) error {
		k, err := s.value(t.Key, depth+1)
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		v, err := s.value(t.Elem, depth+1)
		vs = append(vs, Tuple{k, v})
		return err
	})
	return vs, err
}

func (s *scanner) record(t *wit.Type, depth int) (Value, error) {
	start := s.start()
	vs := make(Record, len(t.Fields))
	if s.accept('{') && s.accept(':') {
		if err := s.expect('}'); err != nil {
			return nil, err
		}
		return vs, s.complete(t, vs, start)
	}
	s.off = start
	err := s.sequence('{', '}', func(int) error {
		at := s.start()
		name, _ := s.label()
		i := slices.IndexFunc(t.Fields, func(f wit.Field) bool { return f.Name == name })
		switch {
		case name == "":
			return s.want("a field of " + kindName(t))
		case i < 0:
			return s.errorAt(at, "%s has no field %q; it has %s", kindName(t), name, names(len(t.Fields), func(i int) string { return t.Fields[i].Name }))
		case vs[i] != nil:
			return s.errorAt(at, "field %q is given twice", name)
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		v, err := s.value(t.Fields[i].Type, depth+1)
		vs[i] = v
		return err
	})
	if err != nil {
		return nil, err
	}
	return vs, s.complete(t, vs, start)
}

// complete gives the options of a record that were left out their value.
func (s *scanner) complete(t *wit.Type, vs Record, start int) error {
	for i, f := range t.Fields {
		if vs[i] != nil {
			continue
		}
		if f.Type == nil || f.Type.Kind != wit.KindOption {
			return s.errorAt(start, "field %q of %s is missing", f.Name, kindName(t))
		}
		vs[i] = Option{}
	}
	return nil
}

func (s *scanner) tuple(t *wit.Type, depth int) (Value, error) {
	start := s.start()
	vs := make(Tuple, 0, len(t.Fields))
	err := s.sequence('(', ')', func(i int) error {
		if i >= len(t.Fields) {
			return s.errorAt(s.start(), "tuple has %d elements, no more", len(t.Fields))
		}
		v, err := s.value(t.Fields[i].Type, depth+1)
		vs = append(vs, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := checkCount("elements", len(t.Fields), len(vs)); err != nil {
		return nil, s.errorAt(start, "%w", err)
	}
	return vs, nil
}

func (s *scanner) variant(t *wit.Type, depth int) (Value, error) {
	start := s.start()
	name, escaped := s.label()
	i := slices.IndexFunc(t.Cases, func(c wit.Case) bool { return c.Name == name })
	if i < 0 || !escaped && isKeyword(name) {
		s.off = start
		if i >= 0 {
			return nil, s.errorAt(start, "case %q is also a keyword: write %%%s", name, name)
		}
		return nil, s.want(kindName(t) + ", which is one of " + names(len(t.Cases), func(i int) string { return t.Cases[i].Name }))
	}
	payload, err := s.payload(name, t.Cases[i].Type, depth)
	if t.Kind == wit.KindEnum {
		return Enum(i), err
	}
	return Variant{Case: i, Payload: payload}, err
}

// payload reads the value in parentheses behind a case's name, if it has one.
func (s *scanner) payload(name string, t *wit.Type, depth int) (Value, error) {
	if t == nil {
		if s.peek() == '(' {
			return nil, s.errorAt(s.off, "%s takes no value", name)
		}
		return nil, nil
	}
	if s.peek() != '(' {
		return nil, s.want(`"(" and a value of ` + name)
	}
	s.off++
	v, err := s.value(t, depth+1)
	if err != nil {
		return nil, err
	}
	return v, s.expect(')')
}

func (s *scanner) option(t *wit.Type, depth int) (Value, error) {
	start := s.start()
	switch name, escaped := s.label(); {
	case name == "none" && !escaped:
		return Option{}, nil
	case name == "some" && !escaped:
		v, err := s.payload(name, t.Elem, depth)
		return Option{v}, err
	}
	s.off = start
	if !mayBeFlat(t.Elem) {
		return nil, s.want("some(…) or none")
	}
	v, err := s.value(t.Elem, depth+1)
	return Option{v}, err
}

func (s *scanner) result(t *wit.Type, depth int) (Value, error) {
	start := s.start()
	switch name, escaped := s.label(); {
	case name == "ok" && !escaped:
		v, err := s.payload(name, t.Elem, depth)
		return Result{Value: v}, err
	case name == "err" && !escaped:
		v, err := s.payload(name, t.Err, depth)
		return Result{IsErr: true, Value: v}, err
	}
	s.off = start
	if !mayBeFlat(t.Elem) {
		return nil, s.want("ok or err")
	}
	v, err := s.value(t.Elem, depth+1)
	return Result{Value: v}, err
}

// mayBeFlat tells whether the some or ok around a value of t may be left out.
func mayBeFlat(t *wit.Type) bool {
	return t != nil && t.Kind != wit.KindOption && t.Kind != wit.KindResult
}

func (s *scanner) flags(t *wit.Type) (Value, error) {
	v := make(Flags, max(1, (len(t.Flags)+31)/32))
	err := s.sequence('{', '}', func(int) error {
		at := s.start()
		name, _ := s.label()
		i := slices.Index(t.Flags, name)
		switch {
		case name == "":
			return s.want("a flag of " + kindName(t))
		case i < 0:
			return s.errorAt(at, "%s has no flag %q; it has %s", kindName(t), name, names(len(t.Flags), func(i int) string { return t.Flags[i] }))
		case v.Has(i):
			return s.errorAt(at, "flag %q is given twice", name)
		}
		v[i/32] |= 1 << (i % 32)
		return nil
	})
	return v, err
}

func isKeyword(name string) bool {
	switch name {
	case "true", "false", "inf", "nan", "some", "none", "ok", "err":
		return true
	}
	return false
}

// names lists n names, not too many.
func names(n int, name func(i int) string) string {
	var list []string
	for i := range min(n, 12) {
		list = append(list, name(i))
	}
	if n > 12 {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}
