package wit

// exprKind is the shape of an expr: a Kind, or one of the two below.
type exprKind = Kind

const (
	exprAlias    exprKind = 0x80 + iota // of: a name or an anonymous type
	exprResource                        // a resource's definition
)

// expr is a type as the source wrote it: aliases are still there. Exprs of
// named definitions have def set; an anonymous expr is shared by all its uses
// in a package.
type expr struct {
	kind exprKind
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
	typ       *Type // the resolved structure, built on demand
}

type exprField struct {
	name, docs string
	of         *expr // nil for none
}

// funcExpr is a function's type as the source wrote it.
type funcExpr struct {
	params []exprField
	result *expr
}
