package host

import (
	bindings "latticework/components/wasi/bindings/wasihttp"
	"latticework/components/wasi/wasihttp"
	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
	"latticework/providers"
	"latticework/wit/abi"
)

// outgoingHandler is the interface by which components send requests.
const outgoingHandler = "outgoing-handler"

// interfacesOf returns what a session serves. Of one that is a client for HTTP
// the interface is made here: its functions take and give this host's
// resources.
func interfacesOf(s providers.Session) []*abi.Interface {
	c, ok := providers.As[providers.HTTPClient](s)
	if !ok {
		return s.Interfaces()
	}
	for _, i := range wasihttp.Interfaces(wasihttp.NewOutgoing(c.HTTPClient())) {
		if i.Name == bindings.BindOutgoingHandler(nil).Name {
			return []*abi.Interface{i}
		}
	}
	return nil
}

// isLocal reports whether a provider runs in the host of each of its callers.
func (h *Host) isLocal(v *linkstate.View, name string) bool {
	r := v.Provider(name)
	if r == nil {
		return false
	}
	tech, err := h.cfg.Registry.Get(r.Technology)
	return err == nil && tech.Local
}

// addLocal adds to provs the providers that run here because a component of
// comps is linked to them, or is about to be.
func (h *Host) addLocal(v *linkstate.View, comps, provs map[string]desired) {
	add := func(targets []linkstate.Target) {
		for _, t := range targets {
			if _, ok := provs[t.Name]; !ok && h.isLocal(v, t.Name) {
				provs[t.Name] = desired{providerStamp(v, v.Provider(t.Name)), 1}
			}
		}
	}
	for name := range comps {
		for _, l := range v.LinksFrom(name) {
			add(l.Targets)
			if l.Swap != nil {
				add(l.Swap.Targets)
			}
		}
	}
}

// sendsTo refuses a link for outgoing requests to a component.
//
// Errors: ErrUnsupported.
func sendsTo(v *linkstate.View, l *linkstate.Link) error {
	if len(l.Targets) == 0 || !l.Covers(l.Source, l.Name, "wasi:http", outgoingHandler) || v.Component(l.Targets[0].Name) == nil {
		return nil
	}
	return errcode.New(errcode.Unsupported, "link %s: requests of wasi:http/%s to component %s: linking them to a component is not supported yet", l.Key(), outgoingHandler, l.Targets[0].Name).
		WithNext("link it to a provider lattice://http-client, and let the component be reached through an HTTP server")
}
