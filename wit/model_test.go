package wit

import (
	"fmt"
	"slices"
)

// diffResolve returns the first difference between two models, or "". Types
// are compared by structure, resources by name.
func diffResolve(a, b *Resolve) string {
	if len(a.Packages) != len(b.Packages) {
		return fmt.Sprintf("%d packages against %d", len(a.Packages), len(b.Packages))
	}
	for _, p := range a.Packages {
		q := b.FindPackage(p.Name)
		if q == nil {
			return fmt.Sprintf("package %s is missing", p.Name)
		}
		if d := diffPackage(p, q); d != "" {
			return fmt.Sprintf("package %s: %s", p.Name, d)
		}
	}
	return ""
}

func diffPackage(a, b *Package) string {
	if a.Docs != b.Docs {
		return fmt.Sprintf("docs %q against %q", a.Docs, b.Docs)
	}
	if d := diffList("interface", a.Interfaces, b.Interfaces, diffInterface); d != "" {
		return d
	}
	return diffList("world", a.Worlds, b.Worlds, diffWorld)
}

func diffList[T any](what string, a, b []T, diff func(T, T) string) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d of %s against %d", len(a), what, len(b))
	}
	for i := range a {
		if d := diff(a[i], b[i]); d != "" {
			return fmt.Sprintf("%s %d: %s", what, i, d)
		}
	}
	return ""
}

func diffInterface(a, b *Interface) string {
	if a.Name != b.Name || a.Docs != b.Docs || a.Stability != b.Stability {
		return fmt.Sprintf("%q %q %v against %q %q %v", a.Name, a.Docs, a.Stability, b.Name, b.Docs, b.Stability)
	}
	if d := diffList("type", a.Types, b.Types, diffTypeDef); d != "" {
		return a.Name + ": " + d
	}
	if d := diffList("function", a.Funcs, b.Funcs, diffFunc); d != "" {
		return a.Name + ": " + d
	}
	return ""
}

func diffTypeDef(a, b *TypeDef) string {
	switch {
	case a.Name != b.Name, a.Docs != b.Docs, a.Stability != b.Stability, a.ExternalID != b.ExternalID:
		return fmt.Sprintf("%q %q %v against %q %q %v", a.Name, a.Docs, a.Stability, b.Name, b.Docs, b.Stability)
	case (a.Alias == nil) != (b.Alias == nil):
		return a.Name + ": only one is an alias"
	case a.Alias != nil && (a.Alias.Name != b.Alias.Name || a.Alias.ownerName() != b.Alias.ownerName()):
		return a.Name + ": alias of another type"
	case !slices.Equal(a.Members, b.Members):
		return fmt.Sprintf("%s: members %v against %v", a.Name, a.Members, b.Members)
	case !sameType(a.Type, b.Type):
		return a.Name + ": other structure"
	}
	return diffList("method", a.Methods, b.Methods, diffFunc)
}

func diffFunc(a, b *Func) string {
	same := a.Name == b.Name && a.Kind == b.Kind && a.Docs == b.Docs && a.Stability == b.Stability &&
		a.ExternalID == b.ExternalID && a.Type.Async == b.Type.Async && sameResource(a.Resource, b.Resource) &&
		sameType(a.Type.Result, b.Type.Result) &&
		slices.EqualFunc(a.Type.Params, b.Type.Params, func(x, y Param) bool { return x.Name == y.Name && sameType(x.Type, y.Type) })
	if !same {
		return fmt.Sprintf("%s: %s against %s: %s", a.Name, PrintFunc(a.Type), b.Name, PrintFunc(b.Type))
	}
	return ""
}

func diffWorld(a, b *World) string {
	if a.Name != b.Name || a.Docs != b.Docs || a.Stability != b.Stability {
		return fmt.Sprintf("%q %q %v against %q %q %v", a.Name, a.Docs, a.Stability, b.Name, b.Docs, b.Stability)
	}
	if d := diffList("import", a.Imports, b.Imports, diffItem); d != "" {
		return a.Name + ": " + d
	}
	if d := diffList("export", a.Exports, b.Exports, diffItem); d != "" {
		return a.Name + ": " + d
	}
	return ""
}

func diffItem(a, b WorldItem) string {
	if a.Name != b.Name || a.Stability != b.Stability || a.ExternalID != b.ExternalID {
		return fmt.Sprintf("%q %v against %q %v", a.Name, a.Stability, b.Name, b.Stability)
	}
	switch {
	case a.Interface != nil && b.Interface != nil:
		if a.Interface.Name != "" {
			if a.Interface.QualifiedName() != b.Interface.QualifiedName() {
				return a.Name + ": another interface"
			}
			return ""
		}
		return diffInterface(a.Interface, b.Interface)
	case a.Func != nil && b.Func != nil:
		return diffFunc(a.Func, b.Func)
	case a.Type != nil && b.Type != nil:
		return diffTypeDef(a.Type, b.Type)
	}
	return a.Name + ": an item of another kind"
}

func sameResource(a, b *Resource) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Name == b.Name && a.Interface == b.Interface
}

// sameType is Equal with resources compared by name and with the names of
// definitions.
func sameType(a, b *Type) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Name == b.Name && a.Len == b.Len && sameResource(a.Resource, b.Resource) &&
		slices.EqualFunc(a.Fields, b.Fields, func(x, y Field) bool { return x.Name == y.Name && sameType(x.Type, y.Type) }) &&
		slices.EqualFunc(a.Cases, b.Cases, func(x, y Case) bool { return x.Name == y.Name && sameType(x.Type, y.Type) }) &&
		slices.Equal(a.Flags, b.Flags) &&
		sameType(a.Elem, b.Elem) && sameType(a.Err, b.Err) && sameType(a.Key, b.Key)
}
