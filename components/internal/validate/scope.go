package validate

import (
	"strconv"
	"strings"
	"unicode"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

// scopeKind says what a scope belongs to.
type scopeKind uint8

const (
	inComponent scopeKind = iota
	inComponentType
	inInstanceType
)

// scope holds the index spaces of a component or of a component type or
// instance type, as far as they are filled.
type scope struct {
	kind   scopeKind
	parent *scope

	coreFuncs     []*CoreType
	coreTables    []CoreEntity
	coreMemories  []CoreEntity
	coreGlobals   []CoreEntity
	coreTags      []CoreEntity
	coreTypes     []coreDef
	coreModules   []*ModuleType
	coreInstances []*ModuleType // only exports
	funcs         []*Type
	types         []*Type
	components    []*Type
	instances     []*Type

	imports, exports Externs
	importNames      names
	exportNames      names
	// named holds the types that have a name at the border: for imports,
	// those imported; for exports, those imported or exported.
	namedImport, namedExport map[*Type]bool
	given                    []Binding
	made                     []Binding
}

// coreDef is an entry of the core type index space.
type coreDef struct {
	module *ModuleType // or
	typ    *CoreType
}

func newScope(kind scopeKind, parent *scope) *scope {
	return &scope{
		kind: kind, parent: parent,
		importNames: newNames("import"), exportNames: newNames("export"),
		namedImport: map[*Type]bool{}, namedExport: map[*Type]bool{},
	}
}

// invalid returns an error about a broken rule. Names among args come from
// the input: they are shortened, and what is not printable is escaped.
func invalid(format string, args ...any) error {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = printable(s)
		}
	}
	return errcode.New(errcode.Invalid, format, args...)
}

// maxShown is how much of a name is shown in an error, in bytes.
const maxShown = 200

func printable(s string) string {
	if len(s) > maxShown {
		s = s[:maxShown] + "…"
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		q := strconv.Quote(s)
		return q[1 : len(q)-1]
	}
	return s
}

func unsupported(format string, args ...any) error {
	return errcode.New(errcode.Unsupported, format, args...)
}

// get returns space[i]; what names the index space in the error.
func get[T any](space []T, i uint32, what string) (T, error) {
	if int64(i) < int64(len(space)) {
		return space[i], nil
	}
	var none T
	return none, invalid("unknown %s %d: %s index out of bounds", what, i, what)
}

func (s *scope) typeAt(i uint32) (*Type, error)       { return get(s.types, i, "type") }
func (s *scope) coreFunc(i uint32) (*CoreType, error) { return get(s.coreFuncs, i, "core function") }

// kindAt returns the type with index i, which must be of the given kind.
func (s *scope) kindAt(i uint32, k Kind, what string) (*Type, error) {
	t, err := s.typeAt(i)
	if err == nil && t.Kind != k {
		return nil, invalid("type index %d is not %s type", i, what)
	}
	return t, err
}

func (s *scope) moduleTypeAt(i uint32) (*ModuleType, error) {
	d, err := get(s.coreTypes, i, "type")
	if err == nil && d.module == nil {
		return nil, invalid("core type index %d is not a module type", i)
	}
	return d.module, err
}

// coreFuncTypeAt returns the core function type with index i.
func (s *scope) coreFuncTypeAt(i uint32) (*CoreType, error) {
	d, err := get(s.coreTypes, i, "type")
	if err != nil {
		return nil, err
	}
	if d.typ == nil || d.typ.Kind != binary.CoreFuncKind {
		return nil, invalid("core type index %d is not a function type", i)
	}
	return d.typ, nil
}

// entity returns the definition that r refers to, which must be of a sort
// that can be imported and exported.
func (s *scope) entity(r binary.SortIdx) (Entity, error) {
	e := Entity{Sort: r.Sort}
	var err error
	switch r.Sort {
	case binary.SortCoreModule:
		e.Module, err = get(s.coreModules, r.Index, "module")
	case binary.SortFunc:
		e.Type, err = get(s.funcs, r.Index, "function")
	case binary.SortType:
		e.Type, err = s.typeAt(r.Index)
	case binary.SortComponent:
		e.Type, err = get(s.components, r.Index, "component")
	case binary.SortInstance:
		e.Type, err = get(s.instances, r.Index, "instance")
	case binary.SortValue:
		err = unsupported("value definitions are not supported")
	default:
		err = invalid("a %s cannot be imported or exported", r.Sort)
	}
	return e, err
}

// push adds e to its index space.
func (s *scope) push(e Entity) {
	switch e.Sort {
	case binary.SortCoreModule:
		s.coreModules = append(s.coreModules, e.Module)
	case binary.SortFunc:
		s.funcs = append(s.funcs, e.Type)
	case binary.SortType:
		s.types = append(s.types, e.Type)
	case binary.SortComponent:
		s.components = append(s.components, e.Type)
	case binary.SortInstance:
		s.instances = append(s.instances, e.Type)
	}
}

// coreEntity returns the core definition that r refers to.
func (s *scope) coreEntity(r binary.SortIdx) (CoreEntity, error) {
	switch r.Sort {
	case binary.SortCoreFunc:
		f, err := s.coreFunc(r.Index)
		return CoreEntity{Sort: r.Sort, Func: f}, err
	case binary.SortCoreTable:
		return get(s.coreTables, r.Index, "table")
	case binary.SortCoreMemory:
		return get(s.coreMemories, r.Index, "memory")
	case binary.SortCoreGlobal:
		return get(s.coreGlobals, r.Index, "global")
	case binary.SortCoreTag:
		return get(s.coreTags, r.Index, "tag")
	}
	return CoreEntity{}, invalid("a %s cannot be an export of a core instance", r.Sort)
}

func (s *scope) pushCore(e CoreEntity) {
	switch e.Sort {
	case binary.SortCoreFunc:
		s.coreFuncs = append(s.coreFuncs, e.Func)
	case binary.SortCoreTable:
		s.coreTables = append(s.coreTables, e)
	case binary.SortCoreMemory:
		s.coreMemories = append(s.coreMemories, e)
	case binary.SortCoreGlobal:
		s.coreGlobals = append(s.coreGlobals, e)
	case binary.SortCoreTag:
		s.coreTags = append(s.coreTags, e)
	}
}

// outer returns the scope n levels outwards, and whether a component's border
// lies between.
func (s *scope) outer(n uint32) (o *scope, crosses bool, err error) {
	o = s
	for i := n; i > 0; i-- {
		crosses = crosses || o.kind == inComponent
		if o = o.parent; o == nil {
			return nil, false, invalid("invalid outer alias count of %d", n)
		}
	}
	return o, crosses, nil
}
