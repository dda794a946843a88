package wit

// The syntax tree. It keeps what the source says and where; names are not
// resolved.

// ident is a name in the source.
type ident struct {
	name string
	pos  pos
}

// astPackage is one package in one file: the file's own, or one nested in it.
type astPackage struct {
	name  PackageName
	named bool // the file has a package declaration
	docs  string
	// explicitDocs says that docs are marked as documentation, and docsPos
	// where they start; pos is the name.
	explicitDocs bool
	docsPos      pos
	pos          pos
	items        []astItem
}

// astFile is a parsed file.
type astFile struct {
	main   astPackage
	nested []*astPackage
}

// astItem is a top-level item: exactly one field is set.
type astItem struct {
	use   *astTopUse
	iface *astInterface
	world *astWorld
}

// usePath names an interface or a world: of the file's scope, or of another
// package if foreign is set.
type usePath struct {
	foreign bool
	pkg     PackageName
	pkgPos  pos
	item    ident
}

type astTopUse struct {
	path usePath
	as   ident // the name in this file
}

type astInterface struct {
	name      ident
	docs      string
	stability Stability
	items     []interfaceItem
}

// interfaceItem is exactly one of a use, a type and a function.
type interfaceItem struct {
	use *astUse
	typ *astTypeDef
	fn  *astFunc
}

type astUse struct {
	stability Stability
	path      usePath
	names     []useName
}

type useName struct {
	name ident
	as   ident // name itself without `as`
}

type astTypeDef struct {
	name       ident
	docs       string
	stability  Stability
	externalID string
	typ        *astType
	funcs      []*astFunc // of a resource
}

// astType is a type expression. name is set for a reference (exprAlias), own
// and borrow.
type astType struct {
	kind   exprKind
	pos    pos
	name   ident
	elem   *astType
	err    *astType
	key    *astType
	length uint32
	fields []astField
}

type astField struct {
	name ident
	docs string
	typ  *astType // nil for none
}

type astFunc struct {
	name       ident // the position alone for a constructor
	docs       string
	stability  Stability
	externalID string
	kind       FuncKind
	async      bool
	params     []astField
	result     *astType // nil for none
}

type astWorld struct {
	name      ident
	docs      string
	stability Stability
	items     []astWorldItem
}

// astWorldItem is exactly one of a use, a type, an include, and an import or
// export.
type astWorldItem struct {
	use     *astUse
	typ     *astTypeDef
	include *astInclude
	extern  *astExtern
}

type astInclude struct {
	stability Stability
	path      usePath
	names     []useName
}

// astExtern is an import or export: a function, an interface in place, or a
// path with or without a name of its own.
type astExtern struct {
	export     bool
	name       ident // "" for a path under its own name
	docs       string
	stability  Stability
	externalID string
	fn         *astFunc
	inline     bool
	items      []interfaceItem // with inline
	path       usePath         // if neither fn nor inline
}
