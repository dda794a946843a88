package grant

import (
	"net/netip"
	"slices"
)

// special are the ranges that a name or * never opens: what stands beside the
// host, what only its own network reaches, what a cloud tells about the machine,
// and what another range is hidden in.
//
// Source: the registries of special-purpose addresses of RFC 6890.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32",               // a cloud's metadata and name service, though the address is a public one
	"::/96",                          // the unspecified address, loopback, version 4 inside
	"64:ff9b::/96", "64:ff9b:1::/48", // version 4 behind a translator
	"100::/64", "2001::/32", "2002::/16", // nowhere; version 4 in tunnels
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		list[i] = netip.MustParsePrefix(s)
	}
	return list
}

// Public reports whether an address is one of the public network.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsValid() && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Resolves reports whether a name may stand for an address: a public one, or
// loopback for "localhost".
func Resolves(name string, a netip.Addr) bool {
	return Public(a) || name == "localhost" && a.Unmap().IsLoopback()
}
