package wit

import "strings"

// function resolves a function; res is the resource that it belongs to, or
// nil.
func (r *resolver) function(f *astFunc, res *expr) (protoFunc, error) {
	fn := &Func{Name: f.name.name, Kind: f.kind, Docs: f.docs, Stability: f.stability, ExternalID: f.externalID}
	fn.expr = &funcExpr{async: f.async}
	if res != nil {
		fn.Name = funcPrefix(f.kind) + res.def.Name
		if f.kind != Constructor {
			fn.Name += "." + f.name.name
		}
	}
	p := protoFunc{fn: fn, res: res, pos: f.name.pos}
	if err := r.params(fn, f, res); err != nil {
		return p, err
	}
	if f.kind == Constructor {
		return p, r.constructorResult(fn, f, res)
	}
	if f.result == nil {
		return p, nil
	}
	var err error
	fn.expr.result, err = r.typ(f.result)
	return p, err
}

// funcPrefix returns what the name of a function of that kind starts with.
func funcPrefix(k FuncKind) string {
	switch k {
	case Method:
		return "[method]"
	case Static:
		return "[static]"
	case Constructor:
		return "[constructor]"
	}
	return ""
}

func (r *resolver) params(fn *Func, f *astFunc, res *expr) error {
	seen := map[string]bool{}
	if f.kind == Method {
		self := r.share(&expr{kind: KindBorrow, of: res, pos: f.name.pos})
		fn.expr.params = append(fn.expr.params, exprField{name: "self", of: self})
		seen["self"] = true
	}
	for _, p := range f.params {
		key := strings.ToLower(p.name.name)
		if seen[key] {
			return p.name.pos.errorf("param `%s` is defined more than once", p.name.name)
		}
		seen[key] = true
		t, err := r.typ(p.typ)
		if err != nil {
			return err
		}
		fn.expr.params = append(fn.expr.params, exprField{name: p.name.name, of: t})
	}
	return nil
}

// constructorResult resolves what a constructor returns: the resource, or a
// result of it.
func (r *resolver) constructorResult(fn *Func, f *astFunc, res *expr) error {
	fn.expr.result = res
	if f.result == nil {
		return nil
	}
	if f.result.kind != KindResult {
		return f.result.pos.errorf("if a constructor return type is declared it must be a `result`")
	}
	ok := f.result.elem
	if ok == nil {
		return f.result.pos.errorf("the `ok` type must be the resource being constructed")
	}
	t, err := r.typ(f.result)
	if err != nil {
		return err
	}
	if t.of != res && !(t.of.kind == KindOwn && t.of.of == res) {
		return ok.pos.errorf("the `ok` type must be the resource being constructed")
	}
	fn.expr.result = t
	return nil
}
