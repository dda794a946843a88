package manifest

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"latticework/internal/errcode"
)

// The only schema.
const (
	apiVersion = "core.oam.dev/v1beta1"
	kindWanted = "Application"
)

// externalKey is the annotation with the link targets, separated by commas,
// that are not part of the application.
const externalKey = "latticework/external"

// Parse reads a manifest. File is its name in messages; its folder is what
// relative images are resolved against. Files of images are not looked at.
//
// The error is an *Error.
func Parse(file string, text []byte) (*Application, error) {
	d := newDecoder(filepath.Dir(file))
	if len(text) > MaxBytes {
		d.report(cursor{}, errcode.Exhausted, "bytes of the manifest: %d > %d", len(text), MaxBytes)
	} else if root, ok := d.document(text); ok {
		d.application(cursor{node: root})
		d.check()
	}
	if len(d.problems) > 0 {
		sortProblems(d.problems)
		return nil, &Error{File: file, Problems: d.problems, Omitted: d.omitted}
	}
	return &d.app, nil
}

// document returns the root of the only YAML document.
func (d *decoder) document(text []byte) (*yaml.Node, bool) {
	var doc, second yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(text))
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		d.invalid(cursor{}, "the manifest is empty")
		return nil, false
	case err != nil:
		d.invalid(cursor{}, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil, false
	}
	switch err := in.Decode(&second); {
	case err == nil:
		d.unsupported(cursor{node: &second}, "several documents in a file").next("write one application a file")
		return nil, false
	case !errors.Is(err, io.EOF):
		d.invalid(cursor{}, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil, false
	}
	return doc.Content[0], true
}

func (d *decoder) application(c cursor) {
	d.object(c, fields{
		"apiVersion": d.constant(apiVersion),
		"kind":       d.constant(kindWanted),
		"metadata":   d.metadata,
		"spec": func(c cursor) {
			d.object(c, fields{
				"components": func(c cursor) {
					d.list(c, MaxParts, d.part)
					if n := resolved(c.node); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
						d.invalid(c, "an application has at least one component or capability")
					}
				},
				"policies": func(c cursor) {
					d.unsupported(c, "policies (of secrets)").next("put what the part needs into config")
				},
			}, "components")
		},
	}, "apiVersion", "kind", "metadata", "spec")
}

// constant reads a text that has one allowed value.
func (d *decoder) constant(want string) func(cursor) {
	return func(c cursor) {
		if s, ok := d.text(c); ok && s != want {
			d.invalid(c, "%q != %q", s, want)
		}
	}
}

func (d *decoder) metadata(c cursor) {
	d.object(c, fields{
		"name": func(c cursor) { d.app.Name, _ = d.name(c) },
		"annotations": func(c cursor) {
			d.app.Annotations = d.strings(c, maxProperties, maxText)
			d.app.Description = d.app.Annotations["description"]
			d.version(c)
			d.external(c)
		},
		"labels": func(c cursor) { d.app.Labels = d.strings(c, maxLabels, maxText) },
	}, "name")
}

func (d *decoder) version(c cursor) {
	version, given := d.app.Annotations["version"]
	if !given {
		return
	}
	switch c := c.child("version"); {
	case version == "latest":
		d.invalid(c, `"latest" is no version`).next(`write one such as "v0.1.0"`)
	case version == "" || len(version) > maxName || strings.ContainsAny(version, " \t\n"):
		d.invalid(c, "%q: a version has 1 to %d bytes and no spaces", version, maxName)
	default:
		d.app.Version = version
	}
}

func (d *decoder) external(c cursor) {
	list, given := d.app.Annotations[externalKey]
	if !given {
		return
	}
	c = c.child(externalKey)
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if why := checkName(name); why != "" {
			d.invalid(c, "%q %s", name, why).next("write names separated by commas")
			continue
		}
		d.app.External = d.unique(c, d.app.External, name)
	}
}

// child is the cursor of a key that is known to be in a map.
func (c cursor) child(name string) cursor {
	node := c.node
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return c.at(name, node.Content[i+1])
		}
	}
	return c
}
