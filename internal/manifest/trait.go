package manifest

import "go.yaml.in/yaml/v3"

// traits reads the traits of a part.
func (d *decoder) traits(c cursor, p *Part) {
	scaled := 0
	d.list(c, maxTraits, func(_ int, c cursor) {
		var (
			kind       string
			kindAt     cursor
			properties cursor
		)
		d.object(c, fields{
			"type":       func(c cursor) { kind, _ = d.text(c); kindAt = c },
			"properties": func(c cursor) { properties = c },
		}, "type", "properties")
		if properties.node == nil || kind == "" {
			return
		}
		switch kind {
		case "spreadscaler":
			if scaled > 0 {
				d.invalid(kindAt, "a second spreadscaler, first in line %d", scaled)
				return
			}
			scaled = kindAt.node.Line
			p.Scale = d.scale(properties)
		case "link":
			d.link(properties, p.Name)
		case "daemonscaler":
			d.unsupported(kindAt, "trait \"daemonscaler\"").next("use spreadscaler with a number of instances")
		case "linkdef":
			d.unsupported(kindAt, "trait \"linkdef\"").next("use link, which replaced it in wasmCloud 1.0")
		default:
			d.invalid(kindAt, "unknown trait %q", kind).nextOneOf(kind, "spreadscaler", "link")
		}
	})
}

func (d *decoder) scale(c cursor) Scale {
	s := Scale{Instances: 1}
	var given int
	instances := func(c cursor) {
		given++
		s.Instances = int(d.integer(c, 0, MaxInstances))
	}
	d.object(c, fields{
		"instances": instances,
		"replicas": func(c cursor) {
			d.notice(c, "replicas is the older name of instances")
			instances(c)
		},
		"spread": func(c cursor) {
			d.list(c, maxSpreads, func(_ int, c cursor) { s.Spread = append(s.Spread, d.spread(c)) })
		},
	})
	switch {
	case given == 0 && resolved(c.node).Kind == yaml.MappingNode:
		d.invalid(c, `field "instances" is missing`)
	case given == 2:
		d.invalid(c, "instances and replicas are the same field: give one")
	}
	seen := map[string]bool{}
	for _, spread := range s.Spread {
		if spread.Name != "" && seen[spread.Name] {
			d.invalid(c, "spread %q is given twice", spread.Name)
		}
		seen[spread.Name] = true
	}
	return s
}

func (d *decoder) spread(c cursor) Spread {
	s := Spread{Weight: maxSpreadPart}
	d.object(c, fields{
		"name":         func(c cursor) { s.Name, _ = d.name(c) },
		"requirements": func(c cursor) { s.Requirements = d.strings(c, maxLabels, maxText) },
		"weight":       func(c cursor) { s.Weight = int(d.integer(c, 1, maxSpreadPart)) },
	}, "name")
	return s
}

// link reads a link from the part named source.
func (d *decoder) link(c cursor, source string) {
	l := Link{Source: source, Name: "default", Position: c.position()}
	d.object(c, fields{
		"name":      func(c cursor) { l.Name, _ = d.name(c) },
		"namespace": func(c cursor) { l.Namespace, _ = d.kebab(c) },
		"package":   func(c cursor) { l.Package, _ = d.kebab(c) },
		"interfaces": func(c cursor) {
			d.list(c, maxInterfaces, func(_ int, c cursor) {
				if name, ok := d.kebab(c); ok {
					l.Interfaces = d.unique(c, l.Interfaces, name)
				}
			})
			if n := resolved(c.node); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
				d.invalid(c, "a link names at least one interface")
			}
		},
		"target": func(c cursor) {
			if resolved(c.node).Kind != yaml.MappingNode {
				l.Target, _ = d.name(c)
				return
			}
			d.end(c, &l.TargetConfig, fields{"name": func(c cursor) { l.Target, _ = d.name(c) }}, "name")
		},
		"source": func(c cursor) { d.end(c, &l.SourceConfig, fields{}) },
		"source_config": func(c cursor) {
			d.legacy(c, "source_config is the older form of source.config", &l.SourceConfig)
		},
		"target_config": func(c cursor) {
			d.legacy(c, "target_config is the older form of target.config", &l.TargetConfig)
		},
	}, "namespace", "package", "interfaces", "target")
	d.app.Links = append(d.app.Links, l)
	d.links = append(d.links, c)
}

// end reads one end of a link: its configs and, in known, what else it has.
func (d *decoder) end(c cursor, config *[]string, known fields, required ...string) {
	known["config"] = func(c cursor) { d.addConfigs(c, config) }
	known["secrets"] = func(c cursor) {
		d.unsupported(c, "secrets").next("there is no secret store yet; config is not secret")
	}
	d.object(c, known, required...)
}

func (d *decoder) legacy(c cursor, text string, config *[]string) {
	d.notice(c, "%s", text)
	d.addConfigs(c, config)
}

// addConfigs reads configs into list; a second time, through the older form of
// the same field, is a problem.
func (d *decoder) addConfigs(c cursor, list *[]string) {
	if *list != nil {
		d.invalid(c, "the config of this end is given twice")
	}
	*list = append([]string{}, d.configList(c)...)
}

func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
