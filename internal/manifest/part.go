package manifest

import (
	"time"

	"go.yaml.in/yaml/v3"

	"latticework/internal/errcode"
)

// partDraft is an entry of spec.components before its type is known: fields
// may come in any order.
type partDraft struct {
	at         cursor
	name       string
	nameAt     cursor
	kind       string
	kindAt     cursor
	properties cursor
	traits     cursor
}

func (d *decoder) part(_ int, c cursor) {
	p := partDraft{at: c}
	d.object(c, fields{
		"name":       func(c cursor) { p.name, _ = d.name(c); p.nameAt = c },
		"type":       func(c cursor) { p.kind, _ = d.text(c); p.kindAt = c },
		"properties": func(c cursor) { p.properties = c },
		"traits":     func(c cursor) { p.traits = c },
	}, "name", "type", "properties")
	if p.name != "" {
		if first, again := d.parts[p.name]; again {
			d.invalid(p.nameAt, "name %q is given twice, first in line %d", p.name, first.node.Line)
		} else {
			d.parts[p.name] = p.nameAt
		}
	}
	common := Part{Name: p.name, ID: p.name, Position: c.position(), Scale: Scale{Instances: 1}}
	if p.traits.node != nil {
		d.traits(p.traits, &common)
	}
	switch p.kind {
	case "component":
		component := Component{Part: common, MaxRequestsPerInstance: 1}
		if p.properties.node != nil {
			d.componentProperties(p.properties, &component)
		}
		d.app.Components = append(d.app.Components, component)
	case "capability":
		capability := Capability{Part: common}
		if p.properties.node != nil {
			d.capabilityProperties(p.properties, &capability)
		}
		d.app.Capabilities = append(d.app.Capabilities, capability)
	case "":
	case "actor":
		d.unsupported(p.kindAt, "type \"actor\"").next("components are meant since wasmCloud 1.0: write type: component")
	default:
		d.invalid(p.kindAt, "unknown type %q", p.kind).nextOneOf(p.kind, "component", "capability")
	}
}

// propertyFields are the properties that both types have.
func (d *decoder) propertyFields(p *Part, image func(cursor, string)) fields {
	return fields{
		"image": func(c cursor) {
			if text, ok := d.text(c); ok {
				image(c, text)
			}
		},
		"id": func(c cursor) {
			if id, ok := d.name(c); ok {
				p.ID = id
			}
		},
		"config": func(c cursor) { p.Config = d.configList(c) },
		"secrets": func(c cursor) {
			d.unsupported(c, "secrets").next("there is no secret store yet; config is not secret")
		},
		"application": func(c cursor) {
			d.unsupported(c, "parts shared between applications").
				next("name the target in the annotation %s and link to it", externalKey)
		},
	}
}

func (d *decoder) componentProperties(c cursor, component *Component) {
	known := d.propertyFields(&component.Part, func(c cursor, text string) {
		component.Image = d.componentImage(c, text)
	})
	known["latticework"] = func(c cursor) {
		d.object(c, fields{
			"limits": func(c cursor) { d.limits(c, &component.Limits) },
			"grants": func(c cursor) { component.Grants = d.grants(c) },
			"reuse_initialized": func(c cursor) {
				component.ReuseInitialized, _ = d.truth(c)
			},
			"max_requests_per_instance": func(c cursor) {
				component.MaxRequestsPerInstance = int(d.integer(c, 1, maxRequests))
			},
		})
	}
	d.object(c, known, "image")
}

func (d *decoder) capabilityProperties(c cursor, capability *Capability) {
	known := d.propertyFields(&capability.Part, func(c cursor, text string) {
		capability.Image, capability.Technology = d.capabilityImage(c, text)
	})
	d.object(c, known, "image")
}

// bytes reads an amount within [low, high], see [ParseBytes].
func (d *decoder) bytes(c cursor, low, high int64) int64 {
	text, ok := d.textOrNumber(c)
	if !ok {
		return 0
	}
	n, err := ParseBytes(text, low, high)
	if err != nil {
		d.invalid(c, "%s", err.Error()).next("%s", errcode.NextOf(err))
	}
	return n
}

// duration reads a time with its unit, such as 500ms.
func (d *decoder) duration(c cursor) time.Duration {
	text, ok := d.textOrNumber(c)
	if !ok {
		return 0
	}
	switch v, err := time.ParseDuration(text); {
	case err != nil:
		d.invalid(c, "%q is no duration", text).next("write a number with its unit: 500ms, 10s, 2m")
	case v < minTime:
		d.invalid(c, "%s < %s", text, minTime)
	case v > maxTime:
		d.invalid(c, "%s > %s", text, maxTime)
	default:
		return v
	}
	return 0
}

// textOrNumber reads a scalar that YAML may have taken for a number.
func (d *decoder) textOrNumber(c cursor) (string, bool) {
	n := c.node
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" && len(n.Value) <= maxName {
		d.values++
		return n.Value, true
	}
	return d.text(c)
}

// configs reads a list of configs: each defined here, with properties, or
// named, to be found elsewhere. It returns their names.
func (d *decoder) configList(c cursor) []string {
	var names []string
	d.list(c, maxConfigNames, func(_ int, c cursor) {
		var (
			config  Config
			nameAt  cursor
			defined bool
		)
		d.object(c, fields{
			"name":       func(c cursor) { config.Name, _ = d.name(c); nameAt = c },
			"properties": func(c cursor) { config.Properties = d.strings(c, maxProperties, maxValue); defined = true },
		}, "name")
		if config.Name == "" {
			return
		}
		names = d.unique(nameAt, names, config.Name)
		if !defined {
			return
		}
		if i, again := d.configs[config.Name]; again {
			d.invalid(nameAt, "config %q is defined twice, first in line %d", config.Name, d.app.Configs[i].Position.Line).
				next("define it once; elsewhere give its name without properties")
			return
		}
		d.configs[config.Name] = len(d.app.Configs)
		config.Position = nameAt.position()
		d.app.Configs = append(d.app.Configs, config)
	})
	return names
}
