package deployment

import (
	"slices"
	"strings"

	"latticework/lattice/linkstate"
	"latticework/providers/httpserver"
)

// addressKey is the setting that says where an HTTP server listens, and
// defaultAddressKey wasmCloud's word for it.
const (
	addressKey        = "address"
	defaultAddressKey = "default_address"
)

// listen leads every HTTP server of the application to another address: in
// the last config of the link that names one, else in that of the provider, else
// in a config of its own.
func (p *Plan) listen(address string) {
	d := &p.Deploy
	for i := range d.Links {
		l := &d.Links[i]
		pr := p.provider(l.Source)
		if l.PackageName() != "wasi:http" || pr == nil {
			continue
		}
		named := false
		for _, names := range [][]string{l.SourceConfig, pr.Config} {
			if c, key := p.lastAddress(names); c != nil {
				c.Values[key], named = address, true
			}
		}
		if named {
			continue
		}
		name := l.Source + "-listen"
		if p.config(name) == nil {
			d.Configs = append(d.Configs, linkstate.Config{Name: name, Values: map[string]string{addressKey: address}})
		}
		l.SourceConfig = append(l.SourceConfig, name)
	}
}

// provider returns the provider of that name, nil if there is none.
func (p *Plan) provider(name string) *linkstate.Provider {
	for i := range p.Deploy.Providers {
		if p.Deploy.Providers[i].Name == name {
			return &p.Deploy.Providers[i]
		}
	}
	return nil
}

// lastAddress returns the last config that says where to listen, and by which
// setting.
func (p *Plan) lastAddress(names []string) (c *linkstate.Config, key string) {
	for _, name := range slices.Backward(names) {
		if c := p.config(name); c != nil {
			for _, key := range []string{addressKey, defaultAddressKey} {
				if _, ok := c.Values[key]; ok {
					return c, key
				}
			}
		}
	}
	return nil, ""
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
		pr := p.provider(l.Source)
		if l.PackageName() != "wasi:http" || pr == nil {
			continue
		}
		text := httpserver.DefaultAddress
		if c, key := p.lastAddress(slices.Concat(pr.Config, l.SourceConfig)); c != nil {
			text = c.Values[key]
		}
		for a := range strings.SplitSeq(text, ",") {
			out = append(out, strings.TrimSpace(a))
		}
	}
	return out
}
