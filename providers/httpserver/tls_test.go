package httpserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"latticework/internal/errcode"
	"latticework/internal/poll"
)

// authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key, a.pem, _ = certificate(t, "authority", nil)
	return a
}

// certificate makes one for name, its own authority if by is nil.
func certificate(t *testing.T, name string, by *authority) (cert *x509.Certificate, key *ecdsa.PrivateKey, certPEM, keyPEM string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: by == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// files writes a certificate for name and returns the paths.
func (a *authority) files(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	_, _, c, k := certificate(t, name, a)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, text := range map[string]string{cert: c, key: k} {
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// secure makes a client that trusts a and speaks the protocols.
func secure(t *testing.T, a *authority, protocols func(*http.Protocols), own ...tls.Certificate) *http.Client {
	t.Helper()
	c := client(t, protocols)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool, Certificates: own}
	return c
}

func http2(p *http.Protocols) { p.SetHTTP2(true) }

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	certFile, keyFile := a.files(t, t.TempDir(), "one.example")
	_, _, certPEM, keyPEM := certificate(t, "two.example", a)
	for name, config := range map[string]map[string]string{
		"files":             {"tls_cert_file": certFile, "tls_key_file": keyFile},
		"word of wasmCloud": {"tls_cert_file": certFile, "tls_priv_key_file": keyFile},
		"texts":             {"tls_cert": certPEM, "tls_key": keyPEM},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, config, nil)
			session, _ := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Seen", r.Proto+" "+r.URL.Scheme+" "+r.Header.Get("X-Forwarded-Proto"))
			})
			url := "https://" + addr(t, session)
			for want, protocols := range map[string]func(*http.Protocols){"HTTP/1.1 https https": http1, "HTTP/2.0 https https": http2} {
				resp, err := secure(t, a, protocols).Get(url)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if got := resp.Header.Get("X-Seen"); got != want {
					t.Errorf("seen %q, want %q", got, want)
				}
			}
			if resp, err := client(t, http1).Get("http://" + addr(t, session)); err == nil {
				resp.Body.Close()
				if resp.StatusCode != http.StatusBadRequest {
					t.Errorf("without TLS: %d, want 400", resp.StatusCode)
				}
			}
		})
	}
}

func TestTLSOptions(t *testing.T) {
	a := newAuthority(t)
	certFile, keyFile := a.files(t, t.TempDir(), "one.example")
	config := func(more map[string]string) map[string]string {
		c := map[string]string{"tls_cert_file": certFile, "tls_key_file": keyFile}
		for k, v := range more {
			c[k] = v
		}
		return c
	}
	connect := func(t *testing.T, address string, cfg *tls.Config) (tls.ConnectionState, error) {
		t.Helper()
		pool := x509.NewCertPool()
		pool.AddCert(a.cert)
		cfg.RootCAs = pool
		c, err := tls.Dial("tcp", address, cfg)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer c.Close()
		return c.ConnectionState(), nil
	}
	t.Run("least version", func(t *testing.T) {
		s := start(t, config(map[string]string{"tls_min_version": "1.3"}), nil)
		session, _ := s.mustServe("a", nil, says("a"))
		if _, err := connect(t, addr(t, session), &tls.Config{MaxVersion: tls.VersionTLS12}); err == nil {
			t.Error("TLS 1.2 was taken")
		}
		if _, err := connect(t, addr(t, session), &tls.Config{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("protocols", func(t *testing.T) {
		for protocols, want := range map[string]string{"http1": "http/1.1", "http2": "h2", "http1,http2": "h2"} {
			s := start(t, config(map[string]string{"protocols": protocols}), nil)
			session, _ := s.mustServe("a", nil, says("a"))
			state, err := connect(t, addr(t, session), &tls.Config{NextProtos: []string{"h2", "http/1.1"}})
			if err != nil || state.NegotiatedProtocol != want {
				t.Errorf("%s: %q, %v, want %q", protocols, state.NegotiatedProtocol, err, want)
			}
		}
	})
	clients := newAuthority(t)
	_, _, certPEM, keyPEM := certificate(t, "somebody", clients)
	own, err := tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		t.Fatal(err)
	}
	strangers := newAuthority(t)
	_, _, c, k := certificate(t, "stranger", strangers)
	stranger, _ := tls.X509KeyPair([]byte(c), []byte(k))
	for auth, allowed := range map[string]bool{"require": false, "optional": true} {
		t.Run("clients "+auth, func(t *testing.T) {
			s := start(t, config(map[string]string{"tls_client_ca": clients.pem, "tls_client_auth": auth}), nil)
			session, _ := s.mustServe("a", nil, says("a"))
			for name, try := range map[string]struct {
				certs []tls.Certificate
				want  bool
			}{"theirs": {[]tls.Certificate{own}, true}, "none": {nil, allowed}} {
				resp, err := secure(t, a, http1, try.certs...).Get("https://" + addr(t, session))
				if err == nil {
					resp.Body.Close()
				}
				if (err == nil) != try.want {
					t.Errorf("%s: %v, want an answer: %t", name, err, try.want)
				}
			}
			wrong := secure(t, a, http1)
			wrong.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }
			if resp, err := wrong.Get("https://" + addr(t, session)); err == nil {
				resp.Body.Close()
				t.Error("a stranger's certificate was taken")
			}
		})
	}
}

// TestCertificatesAreReadAgain: without a restart, and a file that cannot be
// read leaves the certificate before.
func TestCertificatesAreReadAgain(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	certFile, keyFile := a.files(t, dir, "one.example")
	s := start(t, map[string]string{"tls_cert_file": certFile, "tls_key_file": keyFile}, nil)
	session, _ := s.mustServe("a", nil, says("a"))
	name := func() string {
		c, err := tls.Dial("tcp", addr(t, session), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := name(); got != "one.example" {
		t.Fatalf("at first %q", got)
	}
	a.files(t, dir, "two.example")
	poll.Until(t, 10*time.Second, "the other certificate", func() (any, bool) { n := name(); return n, n == "two.example" })
	if err := os.WriteFile(certFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(1500 * time.Millisecond)
	for time.Now().Before(end) {
		if got := name(); got != "two.example" {
			t.Fatalf("with an unreadable file: %q", got)
		}
	}
}

func TestTLSRefusals(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	certFile, keyFile := a.files(t, dir, "one.example")
	_, _, _, otherKey := certificate(t, "other", a)
	other := filepath.Join(dir, "other.pem")
	if err := os.WriteFile(other, []byte(otherKey), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]struct {
		config map[string]string
		code   errcode.Code
		says   string
	}{
		"no key":    {map[string]string{"tls_cert_file": certFile}, errcode.Invalid, "tls_key_file 0"},
		"half":      {map[string]string{"tls_cert": "x"}, errcode.Invalid, "tls_cert and tls_key belong together"},
		"both":      {map[string]string{"tls_cert": "x", "tls_key": "x", "tls_cert_file": certFile, "tls_key_file": keyFile}, errcode.Invalid, "both given"},
		"no file":   {map[string]string{"tls_cert_file": "/none.pem", "tls_key_file": keyFile}, errcode.NotFound, "tls_cert_file /none.pem"},
		"other key": {map[string]string{"tls_cert_file": certFile, "tls_key_file": other}, errcode.Invalid, "private key does not match"},
		"no pem":    {map[string]string{"tls_cert": "x", "tls_key": "y"}, errcode.Invalid, "tls_cert with tls_key"},
		"version":   {map[string]string{"tls_cert_file": certFile, "tls_key_file": keyFile, "tls_min_version": "1.1"}, errcode.Invalid, "not one of 1.2, 1.3"},
		"no tls":    {map[string]string{"tls_min_version": "1.3"}, errcode.Invalid, "need a certificate"},
		"auth":      {map[string]string{"tls_cert_file": certFile, "tls_key_file": keyFile, "tls_client_auth": "optional"}, errcode.Invalid, "tls_client_ca"},
		"authority": {map[string]string{"tls_cert_file": certFile, "tls_key_file": keyFile, "tls_client_ca": "nobody"}, errcode.Invalid, "no certificate in PEM"},
		"protocols": {map[string]string{"protocols": "http3"}, errcode.Invalid, "not one of http1, http2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, try.config, nil)
			if err == nil { // without an address certificates are read by the first link
				try.config["address"] = "127.0.0.1:0"
				_, err = open(t, try.config, nil)
			}
			wantCode(t, err, try.code, try.says)
		})
	}
}

// TestSettingsOfAnAddress: links of one address agree on its settings, and
// change them without a failed request.
func TestSettingsOfAnAddress(t *testing.T) {
	s, err := open(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	with := func(path, age string) map[string]string {
		return map[string]string{"address": "127.0.0.1:0", "path": path, "idle_timeout": age}
	}
	one, url := s.mustServe("one", with("/one", "1m"), says("one"))
	_, err = s.serve("two", with("/two", "2m"), says("two"))
	wantCode(t, err, errcode.Conflict, `idle_timeout: "1m0s" there, "2m0s" here`, "one", "same settings")
	two, _ := s.mustServe("two", with("/two", "1m"), says("two"))

	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	c := client(t, http1)
	go func() {
		var err error
		for ctx.Err() == nil && err == nil {
			var resp *http.Response
			if resp, err = c.Post(url+"/one", "text/plain", nil); err == nil {
				resp.Body.Close()
			}
		}
		failed <- err
	}()
	// The config that both share changes: the first is refused until the other asks as well.
	_, err = s.serve("one", with("/one", "3m"), says("one"))
	wantCode(t, err, errcode.Conflict, "two")
	newTwo, _ := s.mustServe("two", with("/two", "3m"), says("two"))
	newOne, _ := s.mustServe("one", with("/one", "3m"), says("one"))
	cancel()
	if err := <-failed; err != nil {
		t.Errorf("a request during the change: %v", err)
	}
	for i, session := range []interface{ Close(context.Context) error }{one, two, newOne, newTwo} {
		if err := session.Close(t.Context()); err != nil {
			t.Errorf("close %d: %v", i, err)
		}
	}
}
