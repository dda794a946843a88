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
func (h *Host) interfacesOf(s providers.Session, key linkstate.LinkKey) []*abi.Interface {
	c, ok := providers.As[providers.HTTPClient](s)
	if !ok {
		return s.Interfaces()
	}
	out := wasihttp.NewOutgoing(c.HTTPClient())
	out.Refused = func(err error) {
		h.cfg.Log.Info("request refused", "link", key.String(), "error", err, "next", errcode.NextOf(err))
	}
	out.Limited = out.Refused
	for _, i := range wasihttp.Interfaces(out) {
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
