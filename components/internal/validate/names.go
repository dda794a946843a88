package validate

import (
	"strings"

	"latticework/components/internal/binary"
)

// names are the external names used in one scope for imports or for exports.
type names struct {
	what string            // "import" or "export"
	seen map[string]string // unique key → name
	// resources are the labels that resource types go by here. known holds
	// the labels; of a bag of exports that is all that is kept.
	resources map[*Type]string
	known     map[string]bool
}

func newNames(what string) names {
	return names{what: what, seen: map[string]string{}, resources: map[*Type]string{}, known: map[string]bool{}}
}

// add checks the name of e and that it goes with e, and records it. Resource
// types get their label unless bag is set: in a bag of exports there is no
// type index that an exported function could refer to.
func (n *names) add(name binary.ExternName, e Entity, bag bool) error {
	p, err := parseName(name.Name)
	if err != nil {
		return invalid("`%s` is not a valid extern name: %w", name.Name, err)
	}
	if err := checkAttributes(name, p, e); err != nil {
		return err
	}
	if err := n.annotated(p, e); err != nil {
		return invalid("%s name `%s` is not valid: %w", n.what, name.Name, err)
	}
	key := p.uniqueKey(name.Name)
	if prev, dup := n.seen[key]; dup {
		return invalid("%s name `%s` conflicts with previous name `%s`", n.what, name.Name, prev)
	}
	n.seen[key] = name.Name
	if p.kind == nameLabel && e.Sort == binary.SortType && e.Type.Kind == KindResource {
		n.known[key] = true
		if !bag {
			n.resources[e.Type] = name.Name
		}
	}
	return nil
}

func checkAttributes(name binary.ExternName, p parsedName, e Entity) error {
	if i := name.Implements; i != nil {
		if e.Sort != binary.SortInstance {
			return invalid("only instances can have an `implements`, found a %s", e.Sort)
		}
		if p.kind != nameLabel {
			return invalid("name `%s` is not valid with `implements`", name.Name)
		}
		in, err := parseName(*i)
		if err != nil {
			return invalid("`%s` is not a valid name for `implements`: %w", *i, err)
		}
		if in.kind != nameInterface {
			return invalid("`implements` value `%s` must be an interface name", *i)
		}
	}
	if name.VersionSuffix != nil {
		if p.kind != nameInterface {
			return invalid("name `%s` is not valid with `versionsuffix`", name.Name)
		}
		return checkSuffix(p.version, *name.VersionSuffix)
	}
	return nil
}

// annotated checks the rules of constructors, methods and static functions.
func (n *names) annotated(p parsedName, e Entity) error {
	switch p.kind {
	case nameConstructor, nameMethod, nameStatic:
	default:
		return nil
	}
	if e.Sort != binary.SortFunc {
		return invalid("item is not a func")
	}
	f := e.Type
	switch p.kind {
	case nameConstructor:
		if f.Elem == nil {
			return invalid("function should return one value")
		}
		own := f.Elem
		if own.Kind == KindResult && own.Elem != nil {
			own = own.Elem
		}
		if own.Kind != KindOwn {
			return invalid("function should return `(own $T)` or `(result (own $T))`")
		}
		return n.resource(p.label, own.Elem)
	case nameMethod:
		switch {
		case len(f.Fields) == 0:
			return invalid("function should have at least one argument")
		case f.Fields[0].Name != "self":
			return invalid("function should have a first argument called `self`")
		case f.Fields[0].Type.Kind != KindBorrow:
			return invalid("function should take a first argument of `(borrow $T)`")
		}
		return n.resource(p.label, f.Fields[0].Type.Elem)
	}
	if !n.known[strings.ToLower(p.label)] {
		return invalid("static resource name is not known in this context")
	}
	return nil
}

// resource checks that r goes by the given label.
func (n *names) resource(label string, r *Type) error {
	name, ok := n.resources[r]
	if !ok {
		return invalid("resource used in function does not have a name in this context")
	}
	if !strings.EqualFold(name, label) {
		return invalid("function does not match expected resource name `%s`", name)
	}
	return nil
}
