package host

import (
	"slices"

	"latticework/components/wasi/wasihttp"
	"latticework/components/wasi/wasihttp3"
	"latticework/internal/errcode"
	"latticework/lattice/linkstate"
	"latticework/providers"
	"latticework/wit/abi"
)

// sendsRequests reports whether components send HTTP requests by an interface
// that they import: outgoing-handler of wasi:http@0.2; client of 0.3, and its
// handler, which middleware imports of the component behind it.
func sendsRequests(pkg, iface string) bool {
	return pkg == "wasi:http" && (iface == "outgoing-handler" || iface == "client" || iface == "handler")
}

// senders returns the interfaces by which components send requests, which out
// sends.
func senders(out *wasihttp.Outgoing) []*abi.Interface {
	all := append(wasihttp.Interfaces(out), wasihttp3.Interfaces(out)...)
	return slices.DeleteFunc(append(all, wasihttp3.Next(out)), func(i *abi.Interface) bool {
		pkg, iface, _ := splitInterface(i.Name)
		return !sendsRequests(pkg, iface)
	})
}

// interfacesOf returns what a session serves. Of one that is a client for HTTP
// the interfaces are made here: their functions take and give this host's
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
	return senders(out)
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
