package wit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// The reference suite states results as JSON whose objects are ordered and
// whose types, interfaces, worlds and packages are numbered in order of
// definition. This file makes the same of a Resolve.

// jsonObject is an object with its keys in order.
type jsonObject []jsonMember

type jsonMember struct {
	key   string
	value any
}

func (o *jsonObject) set(key string, value any) { *o = append(*o, jsonMember{key, value}) }

// decodeOrdered reads JSON into jsonObject, []any and scalars.
func decodeOrdered(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	v, err := decodeValue(d)
	if err != nil {
		t.Fatalf("decode expected JSON: %v", err)
	}
	return v
}

func decodeValue(d *json.Decoder) (any, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		o := jsonObject{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			o.set(key.(string), v)
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		a := []any{}
		for d.More() {
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		_, err = d.Token()
		return a, err
	}
	return tok, nil
}

// diffJSON returns the path and values of the first difference, or "".
func diffJSON(path string, want, got any) string {
	switch w := want.(type) {
	case jsonObject:
		g, ok := got.(jsonObject)
		if !ok {
			break
		}
		for i := range max(len(w), len(g)) {
			switch {
			case i >= len(w):
				return fmt.Sprintf("%s: unexpected key %q = %v", path, g[i].key, g[i].value)
			case i >= len(g):
				return fmt.Sprintf("%s: missing key %q = %v", path, w[i].key, w[i].value)
			case w[i].key != g[i].key:
				return fmt.Sprintf("%s: key %d: got %q, want %q", path, i, g[i].key, w[i].key)
			}
			if d := diffJSON(path+"."+w[i].key, w[i].value, g[i].value); d != "" {
				return d
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok {
			break
		}
		for i := range min(len(w), len(g)) {
			if d := diffJSON(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); d != "" {
				return d
			}
		}
		if len(w) != len(g) {
			return fmt.Sprintf("%s: got %d elements, want %d", path, len(g), len(w))
		}
		return ""
	}
	if fmt.Sprint(want) != fmt.Sprint(got) {
		return fmt.Sprintf("%s: got %v, want %v", path, got, want)
	}
	return ""
}

// jsonMaker numbers what a Resolve holds.
type jsonMaker struct {
	r      *Resolve
	types  map[*expr]int
	ifaces map[*Interface]int
	worlds map[*World]int
	pkgs   map[*Package]int
	all    []*World
}

func resolveJSON(r *Resolve) any {
	m := &jsonMaker{r, map[*expr]int{}, map[*Interface]int{}, map[*World]int{}, map[*Package]int{}, nil}
	for i, e := range r.arena {
		m.types[e] = i
	}
	for i, f := range r.ifaces {
		m.ifaces[f] = i
	}
	for i, p := range r.Packages {
		m.pkgs[p] = i
		for _, w := range p.Worlds {
			m.worlds[w] = len(m.all)
			m.all = append(m.all, w)
		}
	}
	o := jsonObject{}
	worlds, ifaces, types, pkgs := []any{}, []any{}, []any{}, []any{}
	for _, w := range m.all {
		worlds = append(worlds, m.world(w))
	}
	for _, i := range r.ifaces {
		ifaces = append(ifaces, m.iface(i))
	}
	for _, e := range r.arena {
		types = append(types, m.typeDef(e))
	}
	for _, p := range r.Packages {
		pkgs = append(pkgs, m.pkg(p))
	}
	o.set("worlds", worlds)
	o.set("interfaces", ifaces)
	o.set("types", types)
	o.set("packages", pkgs)
	return o
}

func (m *jsonMaker) pkg(p *Package) any {
	o := jsonObject{{"name", p.Name.String()}}
	if p.Docs != "" {
		o.set("docs", jsonObject{{"contents", p.Docs}})
	}
	ifaces, worlds := jsonObject{}, jsonObject{}
	for _, i := range p.Interfaces {
		ifaces.set(i.Name, m.ifaces[i])
	}
	for _, w := range p.Worlds {
		worlds.set(w.Name, m.worlds[w])
	}
	o.set("interfaces", ifaces)
	o.set("worlds", worlds)
	return o
}

func setDocs(o *jsonObject, docs string) {
	if docs != "" {
		o.set("docs", jsonObject{{"contents", docs}})
	}
}

func setStability(o *jsonObject, s Stability) {
	inner := jsonObject{}
	what := "stable"
	switch {
	case s.Since != "":
		inner.set("since", s.Since)
	case s.Feature != "":
		what = "unstable"
		inner.set("feature", s.Feature)
	default:
		return
	}
	if s.Deprecated != "" {
		inner.set("deprecated", s.Deprecated)
	}
	o.set("stability", jsonObject{{what, inner}})
}

func (m *jsonMaker) world(w *World) any {
	o := jsonObject{{"name", w.Name}}
	for i, items := range [][]WorldItem{w.Imports, w.Exports} {
		list := jsonObject{}
		for _, item := range items {
			key := item.Name
			if item.qualified() {
				key = fmt.Sprintf("interface-%d", m.ifaces[item.Interface])
			}
			list.set(key, m.worldItem(item))
		}
		o.set([]string{"imports", "exports"}[i], list)
	}
	o.set("package", m.pkgs[w.Package])
	setDocs(&o, w.Docs)
	setStability(&o, w.Stability)
	return o
}

func (m *jsonMaker) worldItem(item WorldItem) any {
	switch {
	case item.Interface != nil:
		o := jsonObject{{"id", m.ifaces[item.Interface]}}
		setStability(&o, item.Stability)
		return jsonObject{{"interface", o}}
	case item.Func != nil:
		return jsonObject{{"function", m.function(item.Func)}}
	}
	return jsonObject{{"type", m.types[item.Type.expr]}}
}

func (m *jsonMaker) iface(i *Interface) any {
	o := jsonObject{{"name", nullable(i.Name)}}
	types, funcs := jsonObject{}, jsonObject{}
	for _, t := range i.Types {
		types.set(t.Name, m.types[t.expr])
	}
	for _, f := range i.Funcs {
		funcs.set(f.Name, m.function(f))
	}
	o.set("types", types)
	o.set("functions", funcs)
	setDocs(&o, i.Docs)
	setStability(&o, i.Stability)
	o.set("package", m.pkgs[i.Package])
	return o
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (m *jsonMaker) function(f *Func) any {
	o := jsonObject{{"name", f.Name}}
	kind := [...]string{"freestanding", "method", "static", "constructor"}[f.Kind]
	if f.Type.Async {
		kind = "async-" + kind
	}
	if f.Kind == FreeFunc {
		o.set("kind", kind)
	} else {
		o.set("kind", jsonObject{{kind, m.resource(f.Resource)}})
	}
	params := []any{}
	for _, p := range f.expr.params {
		params = append(params, jsonObject{{"name", p.name}, {"type", m.ref(p.of)}})
	}
	o.set("params", params)
	if f.expr.result != nil {
		o.set("result", m.ref(f.expr.result))
	}
	setDocs(&o, f.Docs)
	setStability(&o, f.Stability)
	return o
}

// resource returns the number of a resource's definition.
func (m *jsonMaker) resource(r *Resource) any {
	for i, e := range m.r.arena {
		if e.kind == exprResource && e.typ.Resource == r {
			return i
		}
	}
	return "unknown resource " + r.Name
}

func (m *jsonMaker) ref(e *expr) any {
	if e == nil {
		return nil
	}
	if isPrimitive(e.kind) {
		for name, k := range primitiveKinds() {
			if k == e.kind {
				return name
			}
		}
	}
	i, ok := m.types[e]
	if !ok {
		return "type outside of the arena"
	}
	return i
}

func (m *jsonMaker) typeDef(e *expr) any {
	var o jsonObject
	if e.def == nil {
		o.set("name", nil)
	} else {
		o.set("name", e.def.Name)
	}
	o.set("kind", m.kind(e))
	switch {
	case e.def == nil:
		o.set("owner", nil)
	case e.def.Owner != nil:
		o.set("owner", jsonObject{{"interface", m.ifaces[e.def.Owner]}})
	default:
		o.set("owner", jsonObject{{"world", m.worlds[e.def.World]}})
	}
	if e.def != nil {
		setDocs(&o, e.def.Docs)
	}
	setStability(&o, e.stability)
	return o
}

func (m *jsonMaker) kind(e *expr) any {
	one := func(key string, v any) any { return jsonObject{{key, v}} }
	switch e.kind {
	case exprResource:
		return "resource"
	case exprAlias:
		return one("type", m.ref(e.of))
	case KindOwn:
		return one("handle", one("own", m.ref(e.of)))
	case KindBorrow:
		return one("handle", one("borrow", m.ref(e.of)))
	case KindRecord:
		return one("record", one("fields", m.members(e, true)))
	case KindVariant:
		return one("variant", one("cases", m.members(e, true)))
	case KindEnum:
		return one("enum", one("cases", m.members(e, false)))
	case KindFlags:
		return one("flags", one("flags", m.members(e, false)))
	case KindTuple:
		types := []any{}
		for _, f := range e.fields {
			types = append(types, m.ref(f.of))
		}
		return one("tuple", one("types", types))
	case KindList:
		return one("list", m.ref(e.of))
	case KindFixedList:
		return one("fixed-length-list", []any{m.ref(e.of), e.length})
	case KindMap:
		return one("map", []any{m.ref(e.key), m.ref(e.of)})
	case KindOption:
		return one("option", m.ref(e.of))
	case KindResult:
		return one("result", jsonObject{{"ok", m.ref(e.of)}, {"err", m.ref(e.err)}})
	case KindFuture:
		return one("future", m.ref(e.of))
	case KindStream:
		return one("stream", m.ref(e.of))
	}
	return fmt.Sprintf("kind %d", e.kind)
}

func (m *jsonMaker) members(e *expr, typed bool) any {
	list := []any{}
	for _, f := range e.fields {
		o := jsonObject{{"name", f.name}}
		if typed {
			o.set("type", m.ref(f.of))
		}
		setDocs(&o, f.docs)
		list = append(list, o)
	}
	return list
}

func TestDiffJSON(t *testing.T) {
	parse := func(s string) any { return decodeOrdered(t, []byte(s)) }
	for _, c := range []struct{ a, b, want string }{
		{`{"a":1,"b":[1,null]}`, `{"a":1,"b":[1,null]}`, ""},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, "key 0"},
		{`{"a":1}`, `{"a":1,"b":2}`, "unexpected key"},
		{`{"a":[1]}`, `{"a":[1,2]}`, "elements"},
		{`{"a":{"x":1}}`, `{"a":{"x":2}}`, ".a.x"},
	} {
		if got := diffJSON("", parse(c.a), parse(c.b)); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s against %s: got %q, want %q", c.a, c.b, got, c.want)
		}
	}
	if _, err := decodeValue(json.NewDecoder(strings.NewReader(""))); err != io.EOF {
		t.Errorf("empty JSON: got %v", err)
	}
}
