package httpclient

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/httpout"
	"latticework/internal/leakcheck"
	"latticework/providers"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// link opens a provider and links to it.
func link(t *testing.T, provider, l map[string]string) (*httpout.Client, error) {
	t.Helper()
	p, err := New(providers.Setup{Name: "out", Config: provider})
	if err != nil {
		return nil, err
	}
	g := providers.Guard(p)
	if err := g.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(t.Context()) })
	s, err := g.Link(t.Context(), providers.Link{Source: "api", Name: "default", Target: "out", Interfaces: []string{"wasi:http/outgoing-handler@0.2.0", "wasi:http/client@0.3.0"}, Config: l})
	if err != nil {
		return nil, err
	}
	if err := s.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, ok := providers.As[providers.HTTPClient](s)
	if !ok {
		t.Fatal("the session is no client")
	}
	return c.HTTPClient(), nil
}

func get(t *testing.T, c *httpout.Client, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.RoundTrip(r)
	if err != nil {
		return string(httpout.Classify(err).Reason)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return string(body)
}

func TestLinksHaveTheirOwnRules(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(srv.Close)
	for _, c := range []struct {
		provider, link map[string]string
		want           string
	}{
		{nil, nil, "destination-IP-prohibited"},
		{nil, map[string]string{"allow": "*"}, "destination-IP-prohibited"},
		{nil, map[string]string{"allow": "api.example, http:127.0.0.0/8"}, "ok"},
		{map[string]string{"allow": "127.0.0.1"}, nil, "ok"},
		{map[string]string{"allow": "127.0.0.1"}, map[string]string{"allow": "api.example"}, "destination-IP-prohibited"},
	} {
		client, err := link(t, c.provider, c.link)
		if err != nil {
			t.Fatal(err)
		}
		if got := get(t, client, srv.URL); got != c.want {
			t.Errorf("%v, %v: %q, want %q", c.provider, c.link, got, c.want)
		}
	}
	client, err := link(t, nil, map[string]string{"max_requests": "7", "connect_timeout": "2s", "first_byte_timeout": "3s", "between_bytes_timeout": "4s"})
	if err != nil {
		t.Fatal(err)
	}
	if n, d := client.Limits(); n != 7 || d != (httpout.Timeouts{Connect: 2 * time.Second, FirstByte: 3 * time.Second, BetweenBytes: 4 * time.Second}) {
		t.Errorf("limits %d, %v", n, d)
	}
}

func TestWrongSettings(t *testing.T) {
	for text, config := range map[string]map[string]string{
		"allow":        {"allow": "10.0.0.0/99"},
		"tcp:db:5432":  {"allow": "tcp:db:5432"},
		"listen:*":     {"allow": "listen:*"},
		"http_proxy":   {"http_prox": "http://p:1"},
		"proxy":        {"https_proxy": "p:1"},
		"certificates": {"roots": "none"},
		"max_requests": {"max_requests": "0"},
	} {
		for _, where := range []string{"provider", "link"} {
			var err error
			if where == "provider" {
				_, err = link(t, config, nil)
			} else {
				_, err = link(t, nil, config)
			}
			if !errors.Is(err, errcode.Invalid) || !strings.Contains(err.Error()+errcode.NextOf(err), text) {
				t.Errorf("%v of the %s: %v; next %s", config, where, err, errcode.NextOf(err))
			}
		}
	}
	p, err := New(providers.Setup{Name: "out"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Link(t.Context(), providers.Link{Source: "a", Target: "out", Interfaces: []string{"wasi:http/incoming-handler@0.2.0"}}); !errors.Is(err, errcode.Unsupported) {
		t.Errorf("another interface: %v", err)
	}
}
