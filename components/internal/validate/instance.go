package validate

import (
	"slices"

	"latticework/components/internal/binary"
	"latticework/internal/errcode"
)

// maxMade bounds the resource types that one component makes, itself and by
// instantiating others: without it they could double with each nesting.
const maxMade = 10_000

// instance validates an instance definition.
func (v *validator) instance(s *scope, d *binary.Instance) error {
	var t *Type
	var err error
	if d.Inline {
		t, err = v.bag(s, d.Exports)
	} else {
		t, err = v.instantiate(s, d)
	}
	if err == nil {
		s.instances = append(s.instances, t)
	}
	return err
}

// bag makes an instance of definitions at hand.
func (v *validator) bag(s *scope, exports []binary.InlineExport) (*Type, error) {
	inst := &InstanceType{}
	ns := newNames("instance export")
	for _, x := range exports {
		e, err := s.entity(x.Ref)
		if err != nil {
			return nil, err
		}
		if err := ns.add(x.Name, e, true); err != nil {
			return nil, err
		}
		inst.Exports.add(Extern{x.Name, e})
	}
	return v.seal(&Type{Kind: KindInstance, Instance: inst})
}

func (v *validator) instantiate(s *scope, d *binary.Instance) (*Type, error) {
	ct, err := get(s.components, d.Component, "component")
	if err != nil {
		return nil, err
	}
	args, err := v.args(s, d.Args)
	if err != nil {
		return nil, err
	}
	c := ct.Component
	sub := newSubst(v)
	if err := sub.open(c.Given, args); err != nil {
		return nil, err
	}
	for _, want := range c.Imports.List {
		got, ok := args.Get(want.Name.Name)
		if !ok {
			return nil, invalid("missing import named `%s`", want.Name.Name)
		}
		w, err := sub.entity(want.Entity)
		if err != nil {
			return nil, err
		}
		if err := v.subtype().entity(got, w); err != nil {
			return nil, invalid("type mismatch for import `%s`: %w", want.Name.Name, err)
		}
		sub.rename(want.Entity, got)
	}
	return v.outcome(s, c, sub)
}

// args resolves the arguments of an instantiation.
func (v *validator) args(s *scope, list []binary.Arg) (*Externs, error) {
	args := &Externs{}
	for _, a := range list {
		e, err := s.entity(a.Ref)
		if err != nil {
			return nil, err
		}
		if _, dup := args.Get(a.Name); dup {
			return nil, invalid("instantiation argument `%s` conflicts with previous argument `%s`", a.Name, a.Name)
		}
		args.add(Extern{binary.ExternName{Name: a.Name}, e})
	}
	return args, nil
}

// outcome returns the type of a new instance of c, whose imports are
// replaced by sub: what c makes is fresh.
func (v *validator) outcome(s *scope, c *ComponentType, sub *subst) (*Type, error) {
	if n := len(s.made) + len(c.Made); n > maxMade {
		return nil, errcode.New(errcode.Exhausted, "resource types of one component: %d > %d", n, maxMade)
	}
	if err := v.spend(len(c.Made)); err != nil {
		return nil, err
	}
	for _, b := range c.Made {
		fresh := &Resource{Name: b.Res.Name}
		sub.resources[b.Res] = fresh
		s.made = append(s.made, Binding{Res: fresh})
	}
	exports, err := sub.externs(&c.Exports)
	if err != nil {
		return nil, err
	}
	return v.seal(&Type{Kind: KindInstance, Instance: &InstanceType{Exports: exports}})
}

// alias validates an alias, of a component or of a type.
func (v *validator) alias(s *scope, d *binary.Alias) error {
	switch d.Kind {
	case binary.AliasExport:
		return v.exportAlias(s, d)
	case binary.AliasCoreExport:
		return v.coreExportAlias(s, d)
	}
	return v.outerAlias(s, d)
}

const onlyTypes = "aliases in component and instance types may only refer to types or instances"

func (v *validator) exportAlias(s *scope, d *binary.Alias) error {
	if s.kind != inComponent && d.Sort != binary.SortType && d.Sort != binary.SortInstance {
		return invalid(onlyTypes+", found %s", d.Sort)
	}
	inst, err := get(s.instances, d.Instance, "instance")
	if err != nil {
		return err
	}
	e, ok := inst.Instance.Exports.Get(d.Name)
	if !ok {
		return invalid("instance %d has no export named `%s`", d.Instance, d.Name)
	}
	if e.Sort != d.Sort {
		return invalid("export `%s` for instance %d is not a %s", d.Name, d.Instance, aliasWord(d.Sort))
	}
	s.push(e)
	return nil
}

func aliasWord(s binary.Sort) string {
	if w := sortWords[s]; w != "" {
		return w
	}
	return s.String()
}

func (v *validator) coreExportAlias(s *scope, d *binary.Alias) error {
	if s.kind != inComponent {
		return invalid(onlyTypes+", found %s", d.Sort)
	}
	inst, err := get(s.coreInstances, d.Instance, "core instance")
	if err != nil {
		return err
	}
	e, ok := inst.export(d.Name)
	if !ok {
		return invalid("core instance %d has no export named `%s`", d.Instance, d.Name)
	}
	if e.Sort != d.Sort {
		return invalid("export `%s` for core instance %d is not a %s", d.Name, d.Instance, coreWords[d.Sort])
	}
	s.pushCore(e)
	return nil
}

func (v *validator) outerAlias(s *scope, d *binary.Alias) error {
	o, crosses, err := s.outer(d.Count)
	if err != nil {
		return err
	}
	if s.kind != inComponent && d.Sort != binary.SortType && d.Sort != binary.SortCoreType {
		return invalid(onlyTypes+", found %s", d.Sort)
	}
	switch d.Sort {
	case binary.SortCoreModule:
		m, err := get(o.coreModules, d.Index, "module")
		s.coreModules = append(s.coreModules, m)
		return err
	case binary.SortCoreType:
		t, err := get(o.coreTypes, d.Index, "type")
		s.coreTypes = append(s.coreTypes, t)
		return err
	case binary.SortComponent:
		c, err := get(o.components, d.Index, "component")
		s.components = append(s.components, c)
		return err
	}
	t, err := o.typeAt(d.Index)
	if err != nil {
		return err
	}
	if crosses {
		free, err := v.freeResource(t)
		if err != nil {
			return err
		}
		if free {
			return invalid("outer type alias of type %d crosses a component's border but transitively refers to resources", d.Index)
		}
	}
	s.types = append(s.types, t)
	return nil
}

// CoreSignature returns the parameters and results of t as in the text
// format, such as "[i32] -> []".
func (t *CoreType) CoreSignature() (params, results []byte) {
	for _, p := range t.Func.Params {
		params = append(params, p.Code)
	}
	for _, r := range t.Func.Results {
		results = append(results, r.Code)
	}
	return params, results
}

// is reports whether t is a function type of the given numbers.
func (t *CoreType) is(params, results []byte) bool {
	if t.Kind != binary.CoreFuncKind {
		return false
	}
	p, r := t.CoreSignature()
	return slices.Equal(p, params) && slices.Equal(r, results)
}
