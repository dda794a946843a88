package binary

// Limits bound what Decode and ScanCore accept. The zero value of a field
// stands for its default.
type Limits struct {
	// Input is the size of the input in bytes; default 256 MiB.
	Input int
	// Depth is how deep components, component types, instance types and
	// module types may nest; default 64.
	Depth int
	// Items is how many definitions, declarators, fields, cases, labels,
	// arguments, options and the like there may be in all; default 200,000.
	Items int
	// CoreItems is how many types, imports, exports, functions, tables,
	// memories, globals, tags and type components one core module may have;
	// default 1,000,000.
	CoreItems int
	// Name is the length of a name in bytes; default 100,000.
	Name int
}

func (l Limits) withDefaults() Limits {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&l.Input, 256<<20)
	set(&l.Depth, 64)
	set(&l.Items, 200_000)
	set(&l.CoreItems, 1_000_000)
	set(&l.Name, 100_000)
	return l
}
