package validate

import (
	"errors"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

// maxWork bounds the steps of one validation: types visited, substituted and
// compared. Components of 10 MB take some ten thousand.
const maxWork = 2_000_000

// Info is what validation found out about a component.
type Info struct {
	// Type is the type of the whole component.
	Type *ComponentType
	// Canon holds, for each canonical definition at any depth, the function
	// type that it lifts or lowers, or the type that it is about, in terms of
	// the component that it stands in.
	Canon map[*binary.Canon]*Type
	// CoreFunc holds the core function type of each canonical definition:
	// what it expects for lift, what it defines for all others.
	CoreFunc map[*binary.Canon]*CoreType
	// Module holds the types of the embedded core modules.
	Module map[*binary.CoreModule]*ModuleType
}

// Validate checks that c, decoded from data, is a valid component. Function
// bodies and segments of core modules are not checked.
//
// Errors:
//   - errcode.Invalid if it is not; the message says which definition, its
//     offset, and the rule that it breaks.
//   - errcode.Unsupported if it uses a feature that is not implemented.
//   - errcode.Exhausted if a type is too large or deep.
func Validate(c *binary.Component, data []byte) error {
	_, err := Check(c, data)
	return err
}

// Check is Validate that also returns what it found out.
func Check(c *binary.Component, data []byte) (*Info, error) {
	v := &validator{data: data, core: newCoreTypes(), info: &Info{
		Canon:    map[*binary.Canon]*Type{},
		CoreFunc: map[*binary.Canon]*CoreType{},
		Module:   map[*binary.CoreModule]*ModuleType{},
	}}
	t, err := v.component(c, nil)
	if err != nil {
		return nil, err
	}
	v.info.Type = t.Component
	return v.info, nil
}

// validator is one validation in progress.
type validator struct {
	data []byte
	core *coreTypes
	info *Info
	work int
	// coreExterns counts the imports and exports of core modules so far.
	coreExterns int
	prims       map[binary.Prim]*Type // shared nodes
}

// spend counts n steps of work.
func (v *validator) spend(n int) error {
	if v.work += n; v.work > maxWork {
		return errcode.New(errcode.Exhausted, "validation steps: %d > %d", v.work, maxWork)
	}
	return nil
}

// at says where in the input err comes from, unless that is said already.
func at(what string, offset int, err error) error {
	var l *located
	if err == nil || errors.As(err, &l) {
		return err
	}
	return &located{errcode.New(errcode.Of(err), "validate %s at %#x: %w", what, offset, err)}
}

// located is an error that says where in the input it comes from.
type located struct{ err *errcode.Error }

func (l *located) Error() string { return l.err.Error() }
func (l *located) Unwrap() error { return l.err }

// component validates a component and returns its type.
func (v *validator) component(c *binary.Component, parent *scope) (*Type, error) {
	s := newScope(inComponent, parent)
	for _, d := range c.Defs {
		what, err := v.def(s, d.Item)
		if err != nil {
			return nil, at(what, d.Offset, err)
		}
	}
	return v.seal(&Type{Kind: KindComponent, Component: &ComponentType{
		Imports: s.imports, Exports: s.exports, Given: s.given, Made: s.made,
	}})
}

func (v *validator) def(s *scope, item binary.Item) (what string, err error) {
	switch d := item.(type) {
	case *binary.Custom:
		return "custom section", nil
	case *binary.CoreModule:
		return "core module", v.coreModule(s, d)
	case *binary.CoreInstance:
		return "core instance", v.coreInstance(s, d)
	case *binary.CoreType:
		return "core type", v.coreType(s, d)
	case *binary.Component:
		t, err := v.component(d, s)
		s.components = append(s.components, t)
		return "component", err
	case *binary.Instance:
		return "instance", v.instance(s, d)
	case *binary.Alias:
		return "alias", v.alias(s, d)
	case *binary.Type:
		t, err := v.typeDef(s, d)
		s.types = append(s.types, t)
		return "type", err
	case *binary.Canon:
		return "canon " + d.Kind.String(), v.canon(s, d)
	case *binary.Import:
		return "import", v.importDef(s, d)
	case *binary.Export:
		return "export", v.exportDef(s, d)
	case *binary.Start:
		return "start", v.start(s, d)
	case *binary.Value:
		return "value", unsupported("value definitions are not supported")
	}
	return "definition", errcode.New(errcode.Internal, "unknown definition %T", item)
}

// start accepts a start function that takes and gives nothing: values are not
// supported.
func (v *validator) start(s *scope, d *binary.Start) error {
	f, err := get(s.funcs, d.Func, "function")
	if err != nil {
		return err
	}
	results := 0
	if f.Elem != nil {
		results = 1
	}
	switch {
	case len(d.Args) != len(f.Fields):
		return invalid("component start function requires %d arguments, found %d", len(f.Fields), len(d.Args))
	case int64(d.Results) != int64(results):
		return invalid("component start function has %d results, found %d", results, d.Results)
	case len(d.Args) > 0 || results > 0:
		return unsupported("value definitions are not supported")
	}
	return unsupported("component start functions are not supported")
}
