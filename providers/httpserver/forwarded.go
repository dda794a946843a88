package httpserver

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"latticework/providers"
)

// forwarding says what a component learns of the way a request took, and whom
// to believe it.
type forwarding struct {
	mode      string // of forwarded_headers
	x, modern bool   // which fields are set: X-Forwarded-*, Forwarded
	trusted   []netip.Prefix
}

// readForwarding takes forwarded_headers and trusted_proxies.
func readForwarding(c *providers.Settings) forwarding {
	f := forwarding{mode: c.OneOf("forwarded_headers", "x-forwarded", "x-forwarded", "forwarded", "both", "none")}
	f.x = f.mode == "x-forwarded" || f.mode == "both"
	f.modern = f.mode == "forwarded" || f.mode == "both"
	for _, text := range c.List("trusted_proxies") {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, e := netip.ParseAddr(text)
			if e != nil {
				c.Fail("trusted_proxies has %q, not an address or a range such as 10.0.0.0/8", text)
				continue
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		f.trusted = append(f.trusted, prefix.Masked())
	}
	return f
}

func (f *forwarding) trusts(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(f.trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// hop is what is known of a request's way.
type hop struct {
	client string // the address the request came from
	chain  string // addresses before the last, as X-Forwarded-For has them
	older  string // elements of Forwarded before ours
	scheme string // http or https, as the client used it
	host   string // as the client named it
}

// apply replaces what the client sent about the way of the request by what is
// known, and has the request state scheme and host as its client used them.
// It returns the client's address.
func (f *forwarding) apply(r *http.Request, peer *peer) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	h := hop{client: peer.text, scheme: scheme, host: r.Host}
	if len(f.trusted) > 0 && f.trusts(peer.addr) {
		f.believe(&h, r.Header)
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" {
			delete(r.Header, name)
		}
	}
	r.URL.Scheme, r.Host = h.scheme, h.host
	if f.x {
		values := [3]string{peer.text, h.scheme, h.host}
		if h.chain != "" {
			values[0] = h.chain + ", " + peer.text
		}
		r.Header["X-Forwarded-For"] = values[0:1:1]
		r.Header["X-Forwarded-Proto"] = values[1:2:2]
		r.Header["X-Forwarded-Host"] = values[2:3:3]
	}
	if f.modern {
		node := peer.text
		if strings.Contains(node, ":") {
			node = `"[` + node + `]"`
		}
		own := "for=" + node + ";proto=" + h.scheme
		if h.host != "" {
			own += `;host="` + h.host + `"`
		}
		if h.older != "" {
			own = h.older + ", " + own
		}
		r.Header["Forwarded"] = []string{own}
	}
	return h.client
}

// believe takes what a trusted proxy says. Whatever is malformed counts as
// not said.
func (f *forwarding) believe(h *hop, fields http.Header) {
	h.older = strings.Join(fields["Forwarded"], ", ")
	h.chain = strings.Join(fields["X-Forwarded-For"], ", ")
	nodes := split(h.chain)
	first := map[string]string{"proto": firstOf(fields["X-Forwarded-Proto"]), "host": firstOf(fields["X-Forwarded-Host"])}
	if h.older != "" {
		elements := split(h.older)
		if len(nodes) == 0 {
			for _, e := range elements {
				nodes = append(nodes, parameters(e)["for"])
			}
			h.chain = strings.Join(bare(nodes), ", ")
		}
		if len(elements) > 0 {
			for name, v := range parameters(elements[0]) {
				if _, ok := first[name]; ok && first[name] == "" {
					first[name] = v
				}
			}
		}
	}
	if s := strings.ToLower(first["proto"]); s == "http" || s == "https" {
		h.scheme = s
	}
	if isAuthority(first["host"]) {
		h.host = first["host"]
	}
	for _, node := range slices.Backward(bare(nodes)) {
		a, err := netip.ParseAddr(node)
		if err != nil {
			return // an obfuscated name: nothing before it can be told
		}
		h.client = node
		if !f.trusts(a) {
			return
		}
	}
}

// split returns the elements of a list, without spaces and empty ones.
func split(list string) []string {
	var out []string
	for e := range strings.SplitSeq(list, ",") {
		if e = strings.TrimSpace(e); e != "" {
			out = append(out, e)
		}
	}
	return out
}

func firstOf(values []string) string {
	if all := split(strings.Join(values, ",")); len(all) > 0 {
		return all[0]
	}
	return ""
}

// parameters reads the pairs of one element of Forwarded.
func parameters(element string) map[string]string {
	out := map[string]string{}
	for pair := range strings.SplitSeq(element, ";") {
		if name, v, ok := strings.Cut(pair, "="); ok {
			out[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return out
}

// bare takes ports and brackets off addresses.
func bare(nodes []string) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n
		if ap, err := netip.ParseAddrPort(n); err == nil {
			out[i] = ap.Addr().String()
		} else if strings.HasPrefix(n, "[") && strings.HasSuffix(n, "]") {
			out[i] = n[1 : len(n)-1]
		}
	}
	return out
}
