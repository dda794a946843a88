package deployment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"latticework/components"
	"latticework/internal/errcode"
	"latticework/internal/manifest"
	"latticework/providers"
	"latticework/wit"
	"latticework/wit/abi"
)

// check compiles every component and holds its imports against what it will
// get.
func (p *Plan) check(ctx context.Context, cfg Config) error {
	compiled := map[string]*components.Component{} // by path
	defer func() {
		for _, c := range compiled {
			_ = c.Close(ctx)
		}
	}()
	memory := map[string]uint64{} // the largest limit, by path
	for i := range p.Application.Components {
		c := &p.Application.Components[i]
		memory[c.Image.Path] = max(memory[c.Image.Path], uint64(c.Limits.Memory))
	}
	for _, image := range p.Images {
		c, err := Compile(ctx, cfg.Engine, image.Path, image.Data, memory[image.Path])
		if err != nil {
			e := errcode.New(errcode.Of(err), "component %q: %w", image.Component, err)
			if limit, ok := components.LimitOf(err); ok {
				return e.WithNext("raise its latticework.limits.%s in the manifest", string(limit))
			}
			return e
		}
		compiled[image.Path] = c
	}
	for i := range p.Application.Components {
		c := &p.Application.Components[i]
		if err := p.checkComponent(cfg, c, compiled[c.Image.Path]); err != nil {
			return err
		}
	}
	return p.checkTargets(compiled)
}

// Compile compiles a component read from path, whose memories may have
// memoryBytes each where that is more than the engine's bound.
//
// Errors:
//   - errcode.Unsupported for a core module, by name.
//   - those of [components.Engine.CompileWithin], with the path.
func Compile(ctx context.Context, e *components.Engine, path string, data []byte, memoryBytes uint64) (*components.Component, error) {
	if err := RefuseCoreModule(path, data); err != nil {
		return nil, err
	}
	c, err := e.CompileWithin(ctx, data, memoryBytes)
	if err != nil {
		return nil, errcode.New(errcode.Of(err), "read %s: %w", path, err)
	}
	return c, nil
}

// RefuseCoreModule refuses data, read from path, that is a core module.
//
// Errors: errcode.Unsupported.
func RefuseCoreModule(path string, data []byte) error {
	if !IsCoreModule(data) {
		return nil
	}
	return errcode.New(errcode.Unsupported, "read %s: it is a core module, not a component", path).
		WithNext("run it as it is with: lattice run; or make it a component with: wasm-tools component new")
}

// IsCoreModule reports whether data begins as a WebAssembly core module does.
func IsCoreModule(data []byte) bool {
	return len(data) >= 8 && string(data[:8]) == "\x00asm\x01\x00\x00\x00"
}

// checkComponent refuses an import that is neither built in nor linked, and
// one whose types differ from those of what will serve it.
func (p *Plan) checkComponent(cfg Config, c *manifest.Component, code *components.Component) error {
	given := slices.Clone(cfg.Builtins)
	var imports []string
	for _, im := range code.Imports() {
		imports = append(imports, im.Name)
		if len(im.Funcs) == 0 || serving(cfg.Builtins, im.Name) != nil {
			continue
		}
		if im.Plain || p.linkFor(c.Name, im.Name) == nil {
			return p.unlinked(cfg, c, im)
		}
		decl := serving(cfg.Contracts, im.Name)
		if decl == nil {
			decl = declare(im)
		}
		given = append(given, decl)
	}
	if _, err := code.Link(components.LinkConfig{Interfaces: given}); err != nil {
		return errcode.New(errcode.Of(err), "component %q: %w", c.Name, err)
	}
	p.noticeUnused(c, imports)
	return nil
}

// serving returns the interface that serves an import, nil if none does.
func serving(all []*abi.Interface, name string) *abi.Interface {
	for _, i := range all {
		if wit.MatchVersion(name, i.Name) {
			return i
		}
	}
	return nil
}

// declare describes an import by the component's own types.
func declare(im components.Extern) *abi.Interface {
	d := &abi.Interface{Name: im.Name}
	for _, t := range im.Types {
		if t.Resource != nil {
			d.Resources = append(d.Resources, t.Resource)
		}
	}
	for _, f := range im.Funcs {
		d.Funcs = append(d.Funcs, abi.Func{Name: f.Name, Type: f.Type})
	}
	return d
}

// linkFor returns the link with the default name that leads from a component
// for an interface.
func (p *Plan) linkFor(source, qualified string) *manifest.Link {
	pkg, item, ok := wit.ParseQualified(qualified)
	if !ok {
		return nil
	}
	for i := range p.Application.Links {
		l := &p.Application.Links[i]
		if l.Source == source && l.Name == "default" && l.Namespace == pkg.Namespace && l.Package == pkg.Name && slices.Contains(l.Interfaces, item) {
			return l
		}
	}
	return nil
}

// unlinked describes an import that nothing serves, and what to do.
func (p *Plan) unlinked(cfg Config, c *manifest.Component, im components.Extern) error {
	if im.Plain {
		return errcode.New(errcode.Unsupported, "component %q: import %q is a function of its own, not of an interface", c.Name, im.Name)
	}
	pkg, item, ok := wit.ParseQualified(im.Name)
	if !ok {
		return errcode.New(errcode.Unsupported, "component %q: import %q is not a qualified name", c.Name, im.Name)
	}
	if other := otherVersion(cfg.Builtins, im.Name); other != "" {
		return errcode.New(errcode.Unsupported, "component %q: import %q is not served, %s is", c.Name, im.Name, other).
			WithNext("build the component for %s", other)
	}
	e := errcode.New(errcode.Invalid, "component %q: import %q is neither built in nor linked", c.Name, im.Name)
	trait := fmt.Sprintf("namespace: %s, package: %s, interfaces: [%s]", pkg.Namespace, pkg.Name, item)
	for _, l := range p.Application.Links {
		if l.Source == c.Name && l.Namespace == pkg.Namespace && l.Package == pkg.Name {
			if l.Name != "default" {
				return e.WithNext("the link named %q in line %d is for named imports; leave its name out", l.Name, l.Position.Line)
			}
			return e.WithNext("add %q to the interfaces of the link in line %d", item, l.Position.Line)
		}
	}
	for _, l := range p.Application.Links {
		if near := providers.Closest(pkg.Name, []string{l.Package}); l.Source == c.Name && near != "" {
			return e.WithNext("did you mean that by package %q of the link in line %d? It needs %s", l.Package, l.Position.Line, trait)
		}
	}
	var can []string
	for _, t := range manifest.Technologies() {
		if slices.Contains(t.Serves, pkg.Namespace+":"+pkg.Name) {
			can = append(can, manifest.Scheme+t.Name)
		}
	}
	if len(can) == 0 {
		return e.WithNext("link it to a component that exports it: a link trait of %q with %s", c.Name, trait)
	}
	return e.WithNext("add a link trait to %q with %s, to a capability such as %s", c.Name, trait, strings.Join(can, ", "))
}

// otherVersion returns the interface of that name in another version.
func otherVersion(all []*abi.Interface, name string) string {
	bare, wanted := wit.SplitVersion(name)
	best := ""
	for _, i := range all {
		if have, version := wit.SplitVersion(i.Name); have == bare && wit.CompareVersions(best, version) <= 0 {
			best = version
		}
	}
	if best == "" {
		pkg, _, _ := strings.Cut(bare, "/")
		for _, i := range all { // a package that grew or split: wasi:cli and so on
			if have, version := wit.SplitVersion(i.Name); strings.HasPrefix(have, pkg+"/") && wit.CompareVersions(best, version) < 0 {
				best = version
			}
		}
		if best == "" || best == wanted { // of the package there is what can be, but for this
			return ""
		}
		return pkg + "@" + best
	}
	return bare + "@" + best
}

// noticeUnused notes links for which the component has no import.
func (p *Plan) noticeUnused(c *manifest.Component, imports []string) {
	for _, l := range p.Application.Links {
		if l.Source != c.Name {
			continue
		}
		used := slices.ContainsFunc(imports, func(name string) bool {
			pkg, item, ok := wit.ParseQualified(name)
			return ok && pkg.Namespace == l.Namespace && pkg.Name == l.Package && slices.Contains(l.Interfaces, item)
		})
		if !used {
			p.Notices = append(p.Notices, fmt.Sprintf("line %d: component %q imports nothing that its link to %q is for (%s:%s)",
				l.Position.Line, c.Name, l.Target, l.Namespace, l.Package))
		}
	}
}

// component returns the place of the component of that name, -1 if there is
// none.
func (p *Plan) component(name string) int {
	return slices.IndexFunc(p.Application.Components, func(c manifest.Component) bool { return c.Name == name })
}

// checkTargets refuses links to components that do not export what they are
// called for.
func (p *Plan) checkTargets(compiled map[string]*components.Component) error {
	for _, l := range p.Application.Links {
		i := p.component(l.Target)
		if i < 0 {
			continue
		}
		var exports []string
		for _, e := range compiled[p.Application.Components[i].Image.Path].Exports() {
			exports = append(exports, e.Name)
		}
		for _, item := range l.Interfaces {
			wanted := item
			if l.Namespace == "wasi" && l.Package == "http" && (item == "outgoing-handler" || item == "client") && p.component(l.Source) >= 0 {
				wanted = "handler" // what a component sends there, the other answers
			}
			served := slices.ContainsFunc(exports, func(name string) bool {
				pkg, have, ok := wit.ParseQualified(name)
				return ok && pkg.Namespace == l.Namespace && pkg.Name == l.Package && answers(pkg, have, wanted)
			})
			if !served {
				return errcode.New(errcode.Invalid, "link from %q in line %d: component %q does not export %s:%s/%s",
					l.Source, l.Position.Line, l.Target, l.Namespace, l.Package, item).
					WithNext("it exports %s", orNone(exports))
			}
		}
	}
	return nil
}

// answers reports whether a component that exports the interface have of pkg
// can be called for item. A handler of HTTP of either version stands for the
// other's: whoever calls it takes the one that there is.
func answers(pkg wit.PackageName, have, item string) bool {
	handler := func(name string) bool { return name == "incoming-handler" || name == "handler" }
	return have == item || pkg.Namespace == "wasi" && pkg.Name == "http" && handler(have) && handler(item)
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}
