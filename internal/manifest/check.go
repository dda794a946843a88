package manifest

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// check holds the parts of the application against each other.
func (d *decoder) check() {
	d.checkIDs()
	d.checkLinks()
}

func (d *decoder) eachPart(f func(p *Part)) {
	for i := range d.app.Components {
		f(&d.app.Components[i].Part)
	}
	for i := range d.app.Capabilities {
		f(&d.app.Capabilities[i].Part)
	}
}

// checkIDs finds ids given twice, also where a name serves as id, and parts
// that are declared external.
func (d *decoder) checkIDs() {
	owner := map[string]*Part{}
	d.eachPart(func(p *Part) {
		if p.ID == "" {
			return
		}
		if first := owner[p.ID]; first != nil && first.Name != p.Name {
			d.invalid(d.parts[p.Name], "id %q is that of %q in line %d", p.ID, first.Name, first.Position.Line)
			return
		}
		owner[p.ID] = p
		if slices.Contains(d.app.External, p.Name) {
			d.invalid(d.parts[p.Name], "%q is part of the application, so it is not external", p.Name).
				next("take it out of the annotation %s", externalKey)
		}
	})
}

func (d *decoder) checkLinks() {
	type key struct{ source, name, pkg, iface string }
	first := map[key]Position{}
	capabilities := map[string]*Capability{}
	for i := range d.app.Capabilities {
		capabilities[d.app.Capabilities[i].Name] = &d.app.Capabilities[i]
	}
	for i, l := range d.app.Links {
		at := d.links[i]
		d.checkTarget(at, l)
		if l.Namespace == "" || l.Package == "" {
			continue // reported
		}
		for _, iface := range l.Interfaces {
			k := key{l.Source, l.Name, l.Namespace + ":" + l.Package, iface}
			if p, again := first[k]; again {
				d.invalid(at, "%s/%s has two links named %q, first in line %d", k.pkg, iface, l.Name, p.Line).
					next("give one of them another name")
				continue
			}
			first[k] = l.Position
		}
		d.checkEnds(at, l, capabilities)
	}
}

func (d *decoder) checkTarget(at cursor, l Link) {
	if l.Target == "" {
		return // reported
	}
	if _, ok := d.parts[l.Target]; ok || slices.Contains(d.app.External, l.Target) {
		return
	}
	p := d.invalid(at, "link target %q is not part of the application", l.Target)
	if p == nil {
		return
	}
	names := slices.Concat(d.app.External, slices.Collect(maps.Keys(d.parts)))
	if p.Next = didYouMean(l.Target, names); p.Next == "" {
		p.next("add it to spec.components, or to the annotation %s", externalKey)
	}
}

// checkEnds holds a link against the technologies at its ends.
func (d *decoder) checkEnds(at cursor, l Link, capabilities map[string]*Capability) {
	pkg := l.Namespace + ":" + l.Package
	if c := capabilities[l.Target]; c != nil && c.Technology.Name != "" && !slices.Contains(c.Technology.Serves, pkg) {
		d.invalid(at, "link target %q (%s%s) does not serve %s", c.Name, Scheme, c.Technology.Name, pkg)
	}
	c := capabilities[l.Source]
	if c == nil || c.Technology.Name == "" {
		return
	}
	if !slices.Contains(c.Technology.Calls, pkg) {
		d.invalid(at, "link source %q (%s%s) does not call %s", c.Name, Scheme, c.Technology.Name, pkg)
	}
	if c.Technology.Name == "http-server" {
		d.checkAddress(at, l)
	}
}

// checkAddress looks at the addresses an HTTP server is to listen on, where the
// manifest itself defines it.
func (d *decoder) checkAddress(at cursor, l Link) {
	for _, name := range l.SourceConfig {
		i, ok := d.configs[name]
		if !ok {
			continue
		}
		config := d.app.Configs[i]
		for _, key := range []string{"address", "default_address"} {
			list, given := config.Properties[key]
			if !given {
				continue
			}
			for address := range strings.SplitSeq(list, ",") {
				if why := addressProblem(strings.TrimSpace(address)); why != "" {
					d.invalid(at, "%s %q of config %q in line %d: %s", key, list, name, config.Position.Line, why).
						next("write HOST:PORT, such as 127.0.0.1:8080, or several between commas")
				}
			}
		}
	}
}

func addressProblem(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "no HOST:PORT"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "port " + strconv.Quote(port) + " is not from 0 to 65535"
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		return "host " + strconv.Quote(host) + " is no IP address"
	}
	return ""
}
