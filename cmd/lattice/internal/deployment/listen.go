package deployment

import (
	"strings"

	"latticework/lattice/linkstate"
	"latticework/providers/httpserver"
)

// addressKey is the setting that says where an HTTP server listens.
const addressKey = "address"

// listen leads every HTTP server of the application to another address: in
// the last config of the link that names one, else in a config of its own.
func (p *Plan) listen(address string) {
	d := &p.Deploy
	for i := range d.Links {
		l := &d.Links[i]
		if l.PackageName() != "wasi:http" || !p.isProvider(l.Source) {
			continue
		}
		if c := p.lastWith(l.SourceConfig, addressKey); c != nil {
			c.Values[addressKey] = address
			continue
		}
		name := l.Source + "-listen"
		if p.config(name) == nil {
			d.Configs = append(d.Configs, linkstate.Config{Name: name, Values: map[string]string{addressKey: address}})
		}
		l.SourceConfig = append(l.SourceConfig, name)
	}
}

func (p *Plan) isProvider(name string) bool {
	for _, c := range p.Deploy.Providers {
		if c.Name == name {
			return true
		}
	}
	return false
}

func (p *Plan) lastWith(names []string, key string) *linkstate.Config {
	for i := len(names) - 1; i >= 0; i-- {
		if c := p.config(names[i]); c != nil {
			if _, ok := c.Values[key]; ok {
				return c
			}
		}
	}
	return nil
}

func (p *Plan) config(name string) *linkstate.Config {
	for i := range p.Deploy.Configs {
		if p.Deploy.Configs[i].Name == name {
			return &p.Deploy.Configs[i]
		}
	}
	return nil
}

// Addresses returns where the application's HTTP servers will listen, as far
// as the application itself says.
func (p *Plan) Addresses() []string {
	var out []string
	for i := range p.Deploy.Links {
		l := &p.Deploy.Links[i]
		if l.PackageName() != "wasi:http" || !p.isProvider(l.Source) {
			continue
		}
		text := httpserver.DefaultAddress
		names := l.SourceConfig
		for _, pr := range p.Deploy.Providers {
			if pr.Name == l.Source {
				names = append(append([]string(nil), pr.Config...), names...)
			}
		}
		if c := p.lastWith(names, addressKey); c != nil {
			text = c.Values[addressKey]
		}
		for a := range strings.SplitSeq(text, ",") {
			out = append(out, strings.TrimSpace(a))
		}
	}
	return out
}
