package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
)

// properties writes settings as YAML.
func properties(settings map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		parts = append(parts, key+": "+strconv.Quote(settings[key]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// served is an application of a greeting behind an HTTP server with settings
// of its own, and a link for each of links with settings.
func served(t *testing.T, provider map[string]string, links ...map[string]string) string {
	t.Helper()
	text := fmt.Sprintf(`    - name: hello
      type: component
      properties: {image: %s}
      traits: [{type: spreadscaler, properties: {instances: 20}}]
    - name: web
      type: capability
      properties:
        image: "lattice://http-server"
        config: [{name: web-settings, properties: %s}]
      traits:
`, absolute(t, "hello-rust/hello.wasm"), properties(provider))
	for i, link := range links {
		text += fmt.Sprintf("        - {type: link, properties: {name: l%d, target: hello, namespace: wasi, package: http, interfaces: [incoming-handler], source: {config: [{name: link-%d, properties: %s}]}}}\n",
			i, i, properties(link))
	}
	return application(t, text)
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// certificate makes one for 127.0.0.1 that signs itself, in PEM.
func certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// browser is a client with connections of its own.
func browser(t *testing.T, cfg *tls.Config, protocols func(*http.Protocols)) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: cfg, Protocols: new(http.Protocols)}
	protocols(tr.Protocols)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

func http1(p *http.Protocols) { p.SetHTTP1(true) }
func http2(p *http.Protocols) { p.SetHTTP2(true); p.SetUnencryptedHTTP2(true) }

// ask sends a request and returns the answer, whose body was read.
func ask(t *testing.T, c *http.Client, method, url string, body io.Reader, fields ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp, string(text)
}

// TestTLSOfManifest serves HTTPS by certificates of a manifest, which are
// replaced while it runs; wrong ones are refused and change nothing.
func TestTLSOfManifest(t *testing.T) {
	h := newHome(t)
	first, firstKey := certificate(t, "first")
	second, secondKey := certificate(t, "second")
	address := freeAddress(t)
	settings := map[string]string{
		"address": address, "tls_cert": strings.Repeat(first, 8), "tls_key": firstKey, // as long as chains are
		"tls_client_ca": second, "tls_client_auth": "optional", "tls_min_version": "1.3",
	}
	p := h.start(slices.Concat([]string{"up", served(t, settings, map[string]string{})}, free)...)
	url := p.await("ready").HTTP
	if url != "https://"+address {
		t.Fatalf("ready at %s, want https://%s", url, address)
	}
	trusted := func(pem string) *tls.Config {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(pem))
		return &tls.Config{RootCAs: pool}
	}
	for want, protocols := range map[string]func(*http.Protocols){"HTTP/1.1": http1, "HTTP/2.0": http2} {
		resp, text := ask(t, browser(t, trusted(first), protocols), "GET", url+"/headers", nil)
		if resp.Proto != want || resp.StatusCode != 200 || !strings.Contains(text, "x-forwarded-proto: https\n") {
			t.Errorf("%s, want %s: %d %q", resp.Proto, want, resp.StatusCode, text)
		}
	}
	if resp, _ := ask(t, browser(t, nil, http1), "GET", "http://"+address, nil); resp.StatusCode != 400 {
		t.Errorf("without TLS: %d, want 400", resp.StatusCode)
	}
	old := trusted(first)
	old.MaxVersion = tls.VersionTLS12
	if c, err := tls.Dial("tcp", address, old); err == nil {
		_ = c.Close()
		t.Error("TLS 1.2 is taken below tls_min_version")
	}
	own, err := tls.X509KeyPair([]byte(second), []byte(secondKey))
	if err != nil {
		t.Fatal(err)
	}
	known, stranger := trusted(first), trusted(first)
	known.Certificates = []tls.Certificate{own}
	if resp, _ := ask(t, browser(t, known, http1), "GET", url, nil); resp.StatusCode != 200 {
		t.Errorf("a client of the authority: %d", resp.StatusCode)
	}
	other, err := tls.X509KeyPair([]byte(first), []byte(firstKey))
	if err != nil {
		t.Fatal(err)
	}
	stranger.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &other, nil }
	if resp, err := browser(t, stranger, http1).Get(url); err == nil {
		_ = resp.Body.Close()
		t.Errorf("a client of another authority: %d", resp.StatusCode)
	}

	name := func() string {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	h.ok("config", "put", "web-settings", "address="+address, "tls_cert="+second, "tls_key="+secondKey)
	poll.Until(t, 20*time.Second, "the second certificate", func() (any, bool) { n := name(); return n, n == "second" })
	p.stop()
}

// TestSettingsOfManifest says to clients what the settings of a manifest say.
func TestSettingsOfManifest(t *testing.T) {
	h := newHome(t)
	p := h.start(slices.Concat([]string{"up", served(t, map[string]string{
		"address": "127.0.0.1:0,localhost:0", "status_path": "/healthz", "trusted_proxies": "127.0.0.0/8, ::1", "forwarded_headers": "both",
		"max_headers": "20", "max_header_bytes": "2KiB", "read_header_timeout": "500ms", "idle_timeout": "500ms", "max_body_bytes": "2KiB",
	}, map[string]string{
		"max_body_bytes": "1KiB", "max_response_bytes": "900", "request_timeout": "2s", "cache_control": "no-store",
		"cors_allowed_origins": `["https://shop.example"]`, "cors_exposed_headers": "X-Total", "cors_allowed_methods": "GET,PUT",
	}, map[string]string{"path": "/fixed", "readonly_mode": "true"},
		map[string]string{"address": "127.0.0.2:0", "protocols": "http2", "host": "*.example.com"},
	)}, free)...)
	ready := p.await("ready")
	if len(ready.Addresses) != 3 {
		t.Fatalf("ready at %q, want three addresses", ready.Addresses)
	}
	// The link with an address of its own is the one that speaks no HTTP/1.
	var urls []string
	only2 := ""
	for _, url := range ready.Addresses {
		if resp, err := browser(t, nil, http1).Get(url + "/healthz"); err == nil {
			_ = resp.Body.Close()
			urls = append(urls, url)
			continue
		}
		only2 = url
	}
	if len(urls) != 2 || only2 == "" {
		t.Fatalf("of %q, %q speak HTTP/1.1", ready.Addresses, urls)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", only2+"/x", nil)
	for host, want := range map[string]int{"a.example.com": 200, "example.com": 404} {
		r.Host = host
		resp, err := browser(t, nil, http2).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
	for _, url := range urls {
		t.Run(url, func(t *testing.T) { wantSettings(t, url) })
	}
	p.stop()
}

// wantSettings asks an address of TestSettingsOfManifest.
func wantSettings(t *testing.T, url string) {
	c := browser(t, nil, http1)
	if _, text := ask(t, c, "GET", url+"/headers", nil, "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "shop.example"); !strings.Contains(text, "x-forwarded-for: 203.0.113.7, ") ||
		!strings.Contains(text, "x-forwarded-proto: https\n") || !strings.Contains(text, "proto=https;host=\"shop.example\"") {
		t.Errorf("behind a trusted proxy the component sees\n%s", text)
	}
	for size, want := range map[int]int{900: 200, 1025: 413} {
		if resp, text := ask(t, c, "POST", url+"/echo", strings.NewReader(strings.Repeat("x", size))); resp.StatusCode != want {
			t.Errorf("%d bytes: %d %q, want %d", size, resp.StatusCode, text, want)
		}
	}
	resp, err := c.Post(url+"/echo", "text/plain", strings.NewReader(strings.Repeat("x", 1000)))
	if err == nil { // the head may be there
		_, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if err == nil {
		t.Error("1,000 bytes of answer are above max_response_bytes, and look whole")
	}
	if resp, text := ask(t, c, "GET", url, nil, "X-Long", strings.Repeat("x", 2000)); resp.StatusCode != 431 {
		t.Errorf("a long header: %d %q, want 431", resp.StatusCode, text)
	}
	resp, _ = ask(t, c, "OPTIONS", url, nil, "Origin", "https://shop.example", "Access-Control-Request-Method", "PUT")
	if f := resp.Header; resp.StatusCode != 204 || f.Get("Access-Control-Allow-Origin") != "https://shop.example" || f.Get("Access-Control-Allow-Methods") != "GET, PUT" {
		t.Errorf("a browser's question: %d %v", resp.StatusCode, f)
	}
	resp, _ = ask(t, c, "GET", url, nil, "Origin", "https://shop.example")
	if f := resp.Header; f.Get("Access-Control-Expose-Headers") != "X-Total" || f.Get("Cache-Control") != "no-store" {
		t.Errorf("an answer to a browser: %v", f)
	}
	if resp, _ = ask(t, c, "POST", url+"/fixed/x", strings.NewReader("x")); resp.StatusCode != 405 {
		t.Errorf("a write to what is read-only: %d, want 405", resp.StatusCode)
	}
	if resp, text := ask(t, c, "GET", url+"/fixed/x", nil); resp.StatusCode != 200 || text != "Hello from Rust, /fixed/x\n" {
		t.Errorf("a read of what is read-only: %d %q", resp.StatusCode, text)
	}
	for what, try := range map[string]struct {
		send string
		want int
	}{
		"half a header": {"GET / HTTP/1.1\r\nHost: x\r\nX-", 408},
		"half a body":   {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", 504},
		"an idle one":   {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200},
	} {
		began := time.Now()
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(conn, try.send)
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		text, _ := io.ReadAll(resp.Body)
		_, err = in.ReadByte()
		_ = conn.Close()
		if took := time.Since(began); resp.StatusCode != try.want || err != io.EOF || took < 400*time.Millisecond || took > 15*time.Second {
			t.Errorf("%s: %d %q, then %v after %s; want %d and the end", what, resp.StatusCode, text, err, took, try.want)
		}
	}
	_, text := ask(t, c, "GET", url+"/healthz", nil)
	var status struct {
		Ready   bool
		Refused map[string]int
	}
	if err := json.NewDecoder(bytes.NewBufferString(text)).Decode(&status); err != nil || !status.Ready || status.Refused["header_timeout"] != 1 || status.Refused["request_body"] != 1 ||
		status.Refused["headers"] != 1 || status.Refused["request_timeout"] != 1 {
		t.Errorf("status %s, %v", text, err)
	}
}

// TestWrongSettingsOfManifest: a deployment says which setting is wrong and
// what may stand there.
func TestWrongSettingsOfManifest(t *testing.T) {
	h := newHome(t)
	p := h.start(slices.Concat([]string{"up"}, free)...)
	p.await("ready")
	cert, _ := certificate(t, "first")
	_, otherKey := certificate(t, "second")
	for _, c := range map[string]struct { // committed, but not running
		provider, link map[string]string
		texts          []string
	}{
		"unknown":     {map[string]string{"max_heders": "20"}, nil, []string{`unknown setting "max_heders"`, `did you mean "max_headers"?`}},
		"range":       {map[string]string{"max_streams": "0"}, nil, []string{"max_streams is 0, not from 1 to 10000"}},
		"certificate": {map[string]string{"tls_cert": cert, "tls_key": otherKey}, nil, []string{"tls_cert with tls_key", "private key does not match"}},
		"file":        {map[string]string{"tls_cert_file": "/none.pem", "tls_key_file": "/none.pem"}, nil, []string{"tls_cert_file /none.pem", "no such file"}},
		"link":        {nil, map[string]string{"max_body_bytes": "much"}, []string{"max_body_bytes", "not a size such as"}},
		"of listener": {nil, map[string]string{"max_streams": "5"}, []string{"max_streams", "stand beside an address"}},
	} {
		provider := map[string]string{"address": "127.0.0.1:0"}
		maps.Copy(provider, c.provider)
		h.refused(errcode.Unavailable, append(c.texts, "web", "correct it and deploy again"), "deploy", served(t, provider, c.link))
	}
	// What runs is asked before a config changes, and nothing does if it refuses.
	h.ok("deploy", served(t, map[string]string{"address": "127.0.0.1:0"}, map[string]string{"path": "/a"}))
	for config, text := range map[string]string{
		"web-settings max_streams=0":               "max_streams is 0, not from 1 to 10000",
		"web-settings tls_cert=x tls_key=y":        "tls_cert with tls_key",
		"web-settings status_path=/s path=b":       `path is "b", not a prefix such as /api`,
		"link-0 request_timeout=never":             `request_timeout is "never", not a duration`,
		"link-0 path=/a max_streams=5":             "stand beside an address",
		"link-0 tls_cert=x tls_key=y address=:0":   "tls_cert with tls_key",
		"link-0 max_heders=1 address=127.0.0.1:0 ": `did you mean "max_headers"?`,
	} {
		h.refused(errcode.Invalid, []string{text}, append([]string{"config", "put"}, strings.Fields(config)...)...)
	}
	if out := h.ok("config", "get", "web-settings") + h.ok("config", "get", "link-0") + h.ok("get", "providers"); !strings.Contains(out, "address=127.0.0.1:0") ||
		!strings.Contains(out, "path=/a") || !strings.Contains(out, "running") || strings.Contains(out, "failed") {
		t.Errorf("after the refusals:\n%s", out)
	}
	p.stop()
}

// TestDrainDelayOfManifest: a host that is stopped says so on status_path and
// answers all the same, until load balancers have seen it; then it takes no
// more connections and finishes what it accepted.
func TestDrainDelayOfManifest(t *testing.T) {
	const delay = 2 * time.Second
	for name, link := range map[string]map[string]string{
		"address of the provider": {}, "address of the link": {"address": "127.0.0.2:0", "status_path": "/healthz", "drain_delay": delay.String()},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			p := h.start(slices.Concat([]string{"up", served(t, map[string]string{
				"address": "127.0.0.1:0", "status_path": "/healthz", "drain_delay": delay.String(),
			}, link)}, free)...)
			url := p.await("ready").HTTP
			c, c2 := browser(t, nil, http1), browser(t, nil, http2)
			if resp, text := ask(t, c, "GET", url+"/healthz", nil); resp.StatusCode != 200 {
				t.Fatalf("before: %d %q", resp.StatusCode, text)
			}
			half := halfRequest(t, url)
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			poll.Until(t, 10*time.Second, "not ready", func() (any, bool) {
				resp, text := ask(t, c, "GET", url+"/healthz", nil)
				return text, resp.StatusCode == 503 && strings.Contains(text, `"ready":false`)
			})
			for _, c := range []*http.Client{c, c2} {
				if resp, text := ask(t, c, "GET", url+"/x", nil); resp.StatusCode != 200 || text != "Hello from Rust, /x\n" || resp.ProtoMajor == 1 && !resp.Close {
					t.Errorf("while it drains: %s %d %q", resp.Proto, resp.StatusCode, text)
				}
			}
			poll.Until(t, 20*time.Second, "no more connections", func() (any, bool) {
				conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
				if err == nil {
					_ = conn.Close()
				}
				return err, err != nil
			})
			if took := time.Since(began); took < delay-100*time.Millisecond {
				t.Errorf("connections are refused after %s, before drain_delay", took)
			}
			if _, err := io.WriteString(half, "56789"); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(half), nil)
			if err != nil {
				t.Fatalf("a request that was accepted has no answer: %v", err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "0123456789" {
				t.Errorf("what was accepted is answered with %q, %v", body, err)
			}
			if status := p.wait(); status != 0 {
				t.Errorf("status %d", status)
			}
		})
	}
}

// TestDrainDelayOfHandOver: a host whose HTTP server goes to another host is
// drained as one that has nobody to take over.
func TestDrainDelayOfHandOver(t *testing.T) {
	first := newHome(t)
	p := first.start(slices.Concat([]string{"up", "--name", "alpha", "--label", "where=a"}, free)...)
	nats := p.await("ready").NATS
	others := map[string]*process{}
	for _, name := range []string{"beta", "gamma"} {
		others[name] = newHome(t).start("host", "--join", nats, "--name", name, "--label", "where=b")
		others[name].await("ready")
	}
	const delay = 2 * time.Second
	first.ok("deploy", application(t, fmt.Sprintf(`    - name: fetch
      type: component
      properties: {image: %s}
      traits: [{type: spreadscaler, properties: {instances: 10, spread: [{name: a, requirements: {where: a}}]}}]
`, absolute(t, "hello-rust/hello.wasm"))+strings.NewReplacer(
		`properties: {image: "lattice://http-server"}`, `properties: {image: "lattice://http-server", config: [{name: web, properties: `+
			properties(map[string]string{"address": "127.0.0.1:0", "status_path": "/healthz", "drain_delay": delay.String()})+`}]}`,
		"      traits:\n", "      traits:\n        - {type: spreadscaler, properties: {instances: 1, spread: [{name: b, requirements: {where: b}}]}}\n",
	).Replace(webPart)))
	where := func(not string) (host, url string) {
		poll.Until(t, 20*time.Second, "the server to run elsewhere than on "+not, func() (any, bool) {
			var provs struct {
				Providers []struct {
					Hosts []struct{ Name, Address string }
				}
			}
			first.json(&provs, "get", "providers")
			for _, h := range provs.Providers[0].Hosts {
				if h.Name != not && h.Address != "" {
					host, url = h.Name, h.Address
				}
			}
			return provs, host != ""
		})
		return host, url
	}
	host, url := where("")
	c := browser(t, nil, http1)
	if _, text := ask(t, c, "GET", url+"/x", nil); text != "Hello from Rust, /x\n" {
		t.Fatalf("before: %q", text)
	}
	if err := others[host].cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	poll.Until(t, 10*time.Second, "not ready", func() (any, bool) {
		resp, text := ask(t, c, "GET", url+"/healthz", nil)
		return text, resp.StatusCode == 503
	})
	began, answers := time.Now(), 0
	for ; time.Since(began) < delay/2; answers++ {
		if resp, text := ask(t, c, "GET", url+"/x", nil); resp.StatusCode != 200 {
			t.Fatalf("while it drains, after %d answers: %d %q", answers, resp.StatusCode, text)
		}
	}
	if _, next := where(host); next != url {
		if _, text := ask(t, c, "GET", next+"/x", nil); text != "Hello from Rust, /x\n" {
			t.Errorf("on the other host: %q", text)
		}
	}
	if status := others[host].wait(); status != 0 {
		t.Errorf("status %d", status)
	}
	if resp, err := c.Get(url + "/x"); err == nil {
		_ = resp.Body.Close()
		t.Errorf("the host that has ended answers %d", resp.StatusCode)
	}
	for name, o := range others {
		if name != host {
			o.kill() // it would wait for somebody to take over
		}
	}
	p.stop()
}
