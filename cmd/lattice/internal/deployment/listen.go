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
// the last config of the link that names one, else in a config of its own.
func (p *Plan) listen(address string) {
	d := &p.Deploy
	for i := range d.Links {
		l := &d.Links[i]
		if l.PackageName() != "wasi:http" || !p.isProvider(l.Source) {
			continue
		}
		if c, key := p.lastAddress(l.SourceConfig); c != nil {
			c.Values[key] = address
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
		if c, key := p.lastAddress(names); c != nil {
			text = c.Values[key]
		}
		for a := range strings.SplitSeq(text, ",") {
			out = append(out, strings.TrimSpace(a))
		}
	}
	return out
}
