package wit

// exprKind is the shape of an expr: a Kind, or one of the two below.
type exprKind = Kind

const (
	exprAlias    exprKind = 0x80 + iota // of: a name or a primitive
	exprResource                        // a resource's definition
)

// expr is a type as the source wrote it: aliases are still there. Exprs of
// named definitions have def set; an anonymous expr is shared by all its uses
// in a package.
type expr struct {
	kind exprKind
	id   int      // in its package
	pos  pos      // of the definition's name, or of the first use
	def  *TypeDef // of a named type
	// of is what an alias, handle, list, option, stream or future is about;
	// the ok type of a result; the value of a map.
	of  *expr
	err *expr // of a result
	key *expr // of a map
	// fields are those of a record, the cases of a variant or enum, the
	// flags, or the elements of a tuple.
	fields    []exprField
	length    uint32
	stability Stability
	excluded  bool  // by a feature gate
	borrows   bool  // contains a borrow
	base      *expr // root, once known
	typ       *Type
}

type exprField struct {
	name, docs string
	pos        pos   // of the name, if it is in the source
	of         *expr // nil for none
}

// funcExpr is a function's type as the source wrote it.
type funcExpr struct {
	params []exprField
	result *expr
	async  bool
}

// root follows aliases.
func (e *expr) root() *expr {
	if e.kind != exprAlias {
		return e
	}
	if e.base == nil {
		e.base = e.of.root()
	}
	return e.base
}

// refs calls f for every expr that e is made of, as a place where it may be
// replaced, with its position in the source.
func (e *expr) refs(f func(**expr, pos)) {
	for _, p := range []**expr{&e.key, &e.of, &e.err} {
		if *p != nil {
			f(p, e.pos)
		}
	}
	for i := range e.fields {
		if e.fields[i].of != nil {
			at := e.fields[i].pos
			if at.src == nil {
				at = e.pos
			}
			f(&e.fields[i].of, at)
		}
	}
}

// inner returns the first stability among what e is made of.
func (e *expr) inner() (s Stability) {
	e.refs(func(p **expr, _ pos) {
		if s == (Stability{}) {
			s = (*p).stability
		}
	})
	return s
}
