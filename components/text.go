package components

import (
	"context"
	"slices"
	"strings"

	"latticework/internal/errcode"
	"latticework/wit/value"
)

// CallText calls an export given as text, such as
// `demo:pure/shapes@0.1.0.greet("you")`, and returns the result as text; ""
// for a function without one. The version, and all of the interface's name
// but its last part, may be left out where that is clear.
//
// Errors:
//   - ErrInvalid if the text or an argument cannot be read; the column is
//     stated.
//   - ErrNotFound if there is no such export; the next step lists them.
//   - those of [Instance.Invoke].
func (in *Instance) CallText(ctx context.Context, text string) (string, error) {
	if in.tmpl == nil {
		return "", errcode.New(errcode.Closed, "call: the instance was released")
	}
	call, err := value.ParseCall(text)
	if err != nil {
		return "", err
	}
	e, err := in.tmpl.findExport(call.Interface, call.Func)
	if err != nil {
		return "", err
	}
	args, err := call.Args(e.typ.Params)
	if err != nil {
		return "", err
	}
	v, err := in.callExport(ctx, e, args)
	if err != nil || e.typ.Result == nil {
		return "", err
	}
	return value.Format(e.typ.Result, v), nil
}

// findExport is export with names as people write them.
func (t *Template) findExport(iface, name string) (*Export, error) {
	if e, err := t.export(iface, name); err == nil {
		return e, nil
	}
	var found []*Export
	var all []string
	for key, e := range t.exports {
		all = append(all, e.name)
		have, fn, _ := strings.Cut(key, "\x00")
		if fn != name {
			continue
		}
		bare := beforeVersion(have)
		if iface == "" || bare == iface || strings.HasSuffix(bare, "/"+iface) {
			found = append(found, e)
		}
	}
	slices.Sort(all)
	switch {
	case len(found) == 1 && found[0].lift >= 0:
		return found[0], nil
	case len(found) > 1:
		var names []string
		for _, e := range found {
			names = append(names, e.name)
		}
		slices.Sort(names)
		return nil, errcode.New(errcode.Invalid, "call %s: several exports have that name", name).
			WithNext("write one of %s", strings.Join(names, ", "))
	}
	_, err := t.export(iface, name)
	return nil, errcode.New(errcode.Of(err), "%w", err).WithNext("exports are %s", strings.Join(all, ", "))
}
