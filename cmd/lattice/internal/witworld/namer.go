package witworld

import "latticework/wit"

// namer leads types without a name, which a function may refer to in a
// component, to the definition of the same structure that its interface has.
// WIT text can refer to records, variants, enums and flags by name alone.
type namer struct {
	types []*wit.TypeDef
	done  map[*wit.Type]*wit.Type
}

func (n *namer) function(f *wit.FuncType) *wit.FuncType {
	out := &wit.FuncType{Async: f.Async, Result: n.named(f.Result)}
	for _, p := range f.Params {
		out.Params = append(out.Params, wit.Param{Name: p.Name, Type: n.named(p.Type)})
	}
	return out
}

// inside names what a definition is made of, but not the definition itself.
func (n *namer) inside(d *wit.TypeDef) {
	if had := d.Type; had.Kind > wit.KindErrorContext {
		d.Type = n.parts(had)
		n.done[had] = d.Type
	}
}

// named returns t with its parts named.
func (n *namer) named(t *wit.Type) *wit.Type {
	if t == nil || t.Kind <= wit.KindErrorContext {
		return t
	}
	if have, ok := n.done[t]; ok {
		return have
	}
	n.done[t] = n.find(t)
	return n.done[t]
}

func (n *namer) find(t *wit.Type) *wit.Type {
	switch t.Kind {
	case wit.KindRecord, wit.KindVariant, wit.KindEnum, wit.KindFlags:
		var same *wit.Type
		for _, d := range n.types {
			switch {
			case d.Resource != nil || d.Type == nil || !wit.Equal(d.Type, t):
			case d.Type == t || d.Name == t.Name:
				return d.Type
			case same == nil && t.Name == "":
				same = d.Type
			}
		}
		if same != nil {
			return same
		}
		return t
	}
	return n.parts(t)
}

// parts returns a copy of t with its parts named, or t if nothing differs.
func (n *namer) parts(t *wit.Type) *wit.Type {
	c := *t
	c.Elem, c.Err, c.Key = n.named(t.Elem), n.named(t.Err), n.named(t.Key)
	changed := c.Elem != t.Elem || c.Err != t.Err || c.Key != t.Key
	c.Fields = append([]wit.Field(nil), t.Fields...)
	for i := range c.Fields {
		c.Fields[i].Type = n.named(t.Fields[i].Type)
		changed = changed || c.Fields[i].Type != t.Fields[i].Type
	}
	c.Cases = append([]wit.Case(nil), t.Cases...)
	for i := range c.Cases {
		c.Cases[i].Type = n.named(t.Cases[i].Type)
		changed = changed || c.Cases[i].Type != t.Cases[i].Type
	}
	if !changed {
		return t
	}
	return &c
}
