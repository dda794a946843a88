package wasmbuild

// Sorts of component and core items.
const (
	SortFunc      = 1
	SortType      = 3
	SortComponent = 4
	SortInstance  = 5
)

// Primitive value types of components.
const (
	Bool   = 0x7f
	U8     = 0x7d
	U32    = 0x79
	U64    = 0x77
	Char   = 0x74
	String = 0x73
)

// Component is a component in the making. Its methods add a definition each
// and return its index in the definition's own space.
type Component struct {
	out           []byte
	coreModules   uint32
	coreInstances uint32
	coreFuncs     uint32
	coreMemories  uint32
	types         uint32
	funcs         uint32
	components    uint32
	instances     uint32
}

// NewComponent returns an empty component.
func NewComponent() *Component {
	return &Component{out: []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}}
}

// Bytes returns the component.
func (c *Component) Bytes() []byte { return c.out }

// Add adds a section as it is.
func (c *Component) Add(id byte, content ...[]byte) {
	c.out = append(c.out, Section(id, content...)...)
}

func next(n *uint32) uint32 { *n++; return *n - 1 }

// CoreModule adds a core module.
func (c *Component) CoreModule(module []byte) uint32 {
	c.Add(1, module)
	return next(&c.coreModules)
}

// Arg names core instance Instance for an instantiation.
type Arg struct {
	Name     string
	Instance uint32
}

// CoreInstance instantiates a core module.
func (c *Component) CoreInstance(module uint32, args ...Arg) uint32 {
	items := make([][]byte, len(args))
	for i, a := range args {
		items[i] = Cat(Name(a.Name), []byte{0x12}, U(a.Instance))
	}
	c.Add(2, []byte{1, 0}, U(module), Vec(items...))
	return next(&c.coreInstances)
}

// Item names core function Func for an instance made of exports.
type Item struct {
	Name string
	Func uint32
}

// CoreExports makes a core instance of functions.
func (c *Component) CoreExports(items ...Item) uint32 {
	list := make([][]byte, len(items))
	for i, it := range items {
		list[i] = Cat(Name(it.Name), []byte{Func}, U(it.Func))
	}
	c.Add(2, []byte{1, 1}, Vec(list...))
	return next(&c.coreInstances)
}

// CoreFunc aliases an exported function of a core instance.
func (c *Component) CoreFunc(instance uint32, name string) uint32 {
	c.Add(6, []byte{1, 0, Func, 1}, U(instance), Name(name))
	return next(&c.coreFuncs)
}

// CoreMemory aliases an exported memory of a core instance.
func (c *Component) CoreMemory(instance uint32, name string) uint32 {
	c.Add(6, []byte{1, 0, Memory, 1}, U(instance), Name(name))
	return next(&c.coreMemories)
}

// Type adds a type by its bytes.
func (c *Component) Type(b ...[]byte) uint32 {
	c.Add(7, []byte{1}, Cat(b...))
	return next(&c.types)
}

// Param is a parameter: Type is the type's bytes.
type Param struct {
	Name string
	Type []byte
}

// FuncType adds a function type; a nil result is none.
func (c *Component) FuncType(result []byte, params ...Param) uint32 {
	items := make([][]byte, len(params))
	for i, p := range params {
		items[i] = Cat(Name(p.Name), p.Type)
	}
	tail := []byte{1, 0}
	if result != nil {
		tail = Cat([]byte{0}, result)
	}
	return c.Type([]byte{0x40}, Vec(items...), tail)
}

// List adds the type list<elem>.
func (c *Component) List(elem []byte) uint32 { return c.Type([]byte{0x70}, elem) }

// Resource adds a resource type; a negative dtor is none.
func (c *Component) Resource(dtor int) uint32 {
	if dtor < 0 {
		return c.Type([]byte{0x3f, I32Type, 0})
	}
	return c.Type([]byte{0x3f, I32Type, 1}, U(dtor))
}

// Own and Borrow return handle types of resource type t.
func (c *Component) Own(t uint32) uint32    { return c.Type([]byte{0x69}, U(t)) }
func (c *Component) Borrow(t uint32) uint32 { return c.Type([]byte{0x68}, U(t)) }

// MemoryOpt and those after it are canonical options with an index.
func MemoryOpt(i uint32) []byte     { return Cat([]byte{3}, U(i)) }
func ReallocOpt(i uint32) []byte    { return Cat([]byte{4}, U(i)) }
func PostReturnOpt(i uint32) []byte { return Cat([]byte{5}, U(i)) }

// Lift makes a component function of a core function.
func (c *Component) Lift(coreFunc, typ uint32, opts ...[]byte) uint32 {
	c.Add(8, []byte{1, 0, 0}, U(coreFunc), Vec(opts...), U(typ))
	return next(&c.funcs)
}

// Lower makes a core function of a component function.
func (c *Component) Lower(fn uint32, opts ...[]byte) uint32 {
	c.Add(8, []byte{1, 1, 0}, U(fn), Vec(opts...))
	return next(&c.coreFuncs)
}

// Canon adds a built-in by the bytes of its definition.
func (c *Component) Canon(b ...[]byte) uint32 {
	c.Add(8, []byte{1}, Cat(b...))
	return next(&c.coreFuncs)
}

// ResourceNew adds the built-in resource.new of resource type t; the two after
// it add the others.
func (c *Component) ResourceNew(t uint32) uint32  { return c.Canon([]byte{2}, U(t)) }
func (c *Component) ResourceDrop(t uint32) uint32 { return c.Canon([]byte{3}, U(t)) }
func (c *Component) ResourceRep(t uint32) uint32  { return c.Canon([]byte{4}, U(t)) }

// Component adds a nested component.
func (c *Component) Component(b []byte) uint32 {
	c.Add(4, b)
	return next(&c.components)
}

// With names an item of a sort for an instantiation.
type With struct {
	Name  string
	Sort  byte
	Index uint32
}

// Instance instantiates a component.
func (c *Component) Instance(component uint32, args ...With) uint32 {
	items := make([][]byte, len(args))
	for i, a := range args {
		items[i] = Cat(Name(a.Name), []byte{a.Sort}, U(a.Index))
	}
	c.Add(5, []byte{1, 0}, U(component), Vec(items...))
	return next(&c.instances)
}

// AliasFunc aliases an exported function of an instance.
func (c *Component) AliasFunc(instance uint32, name string) uint32 {
	c.Add(6, []byte{1, SortFunc, 0}, U(instance), Name(name))
	return next(&c.funcs)
}

// ImportFunc imports a function of type typ.
func (c *Component) ImportFunc(name string, typ uint32) uint32 {
	c.Add(10, []byte{1, 0}, Name(name), []byte{SortFunc}, U(typ))
	return next(&c.funcs)
}

// ImportResource imports a resource type.
func (c *Component) ImportResource(name string) uint32 {
	c.Add(10, []byte{1, 0}, Name(name), []byte{SortType, 1})
	return next(&c.types)
}

// ImportType imports a type that is type t.
func (c *Component) ImportType(name string, t uint32) uint32 {
	c.Add(10, []byte{1, 0}, Name(name), []byte{SortType, 0}, U(t))
	return next(&c.types)
}

// ExportFunc exports function f as one of type typ.
func (c *Component) ExportFunc(name string, f, typ uint32) uint32 {
	c.Add(11, []byte{1, 0}, Name(name), []byte{SortFunc}, U(f), []byte{1, SortFunc}, U(typ))
	return next(&c.funcs)
}

// Export exports an item.
func (c *Component) Export(name string, sort byte, i uint32) uint32 {
	c.Add(11, []byte{1, 0}, Name(name), []byte{sort}, U(i), []byte{0})
	switch sort {
	case SortFunc:
		return next(&c.funcs)
	case SortType:
		return next(&c.types)
	case SortComponent:
		return next(&c.components)
	}
	return next(&c.instances)
}
