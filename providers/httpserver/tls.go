package httpserver

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latticework/internal/errcode"
	"latticework/providers"
)

// recheck is how often at most files of certificates are looked at.
const recheck = time.Second

// tlsSource has the certificates of a listener and reads their files again
// when they change.
type tlsSource struct {
	certFiles, keyFiles []string
	certPEM, keyPEM     string
	caFile, caPEM       string
	minVersion          uint16
	minText             string
	auth                tls.ClientAuthType
	authText            string
	protocols           []string

	current atomic.Pointer[tls.Config]
	checked atomic.Int64 // Unix nanoseconds of the last look at the files

	mu     sync.Mutex       // held while files are read
	stamps map[string]stamp // guarded by mu; of the files that current was read from
}

// stamp tells whether a file changed.
type stamp struct {
	size    int64
	changed time.Time
}

// readTLS takes the settings of TLS, nil for none.
func readTLS(c *providers.Settings) *tlsSource {
	t := &tlsSource{
		certFiles: c.List("tls_cert_file"), keyFiles: c.List("tls_key_file"),
		certPEM: c.String("tls_cert", ""), keyPEM: c.String("tls_key", ""),
		caFile: c.String("tls_client_ca_file", ""), caPEM: c.String("tls_client_ca", ""),
		minText:  c.OneOf("tls_min_version", "1.2", "1.2", "1.3"),
		authText: c.OneOf("tls_client_auth", "require", "require", "optional"),
	}
	if c.Has("tls_priv_key_file") { // wasmCloud's word
		if t.keyFiles != nil {
			c.Fail("tls_key_file and tls_priv_key_file are both given; they are the same")
		}
		t.keyFiles = c.List("tls_priv_key_file")
	}
	t.minVersion = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[t.minText]
	t.auth = map[string]tls.ClientAuthType{"require": tls.RequireAndVerifyClientCert, "optional": tls.VerifyClientCertIfGiven}[t.authText]
	hasCA := t.caFile != "" || t.caPEM != ""
	switch {
	case len(t.certFiles) != len(t.keyFiles):
		c.Fail("tls_cert_file names %d files, tls_key_file %d: each certificate has one key", len(t.certFiles), len(t.keyFiles))
	case (t.certPEM == "") != (t.keyPEM == ""):
		c.Fail("tls_cert and tls_key belong together: one of them is missing")
	case len(t.certFiles) > 0 && t.certPEM != "":
		c.Fail("tls_cert_file and tls_cert are both given: certificates come from files or from the settings")
	case t.caFile != "" && t.caPEM != "":
		c.Fail("tls_client_ca_file and tls_client_ca are both given: the authority comes from a file or from the settings")
	case len(t.certFiles) > 0 || t.certPEM != "":
		if !hasCA {
			t.auth = tls.NoClientCert
			if c.Has("tls_client_auth") {
				c.Fail("tls_client_auth needs tls_client_ca_file or tls_client_ca, which says whose clients are meant")
			}
		}
		return t
	case hasCA || c.Has("tls_min_version") || c.Has("tls_client_auth"):
		c.Fail("settings of TLS need a certificate: tls_cert_file and tls_key_file, or tls_cert and tls_key")
	}
	return nil
}

// offer sets the protocols that ALPN names.
func (t *tlsSource) offer(http1, http2 bool) {
	if http2 {
		t.protocols = append(t.protocols, "h2")
	}
	if http1 {
		t.protocols = append(t.protocols, "http/1.1")
	}
}

// shown has the settings as texts, without secrets.
func (t *tlsSource) shown() map[string]string {
	return map[string]string{
		"tls_cert_file": strings.Join(t.certFiles, ","), "tls_key_file": strings.Join(t.keyFiles, ","),
		"tls_cert": fingerprint(t.certPEM), "tls_key": fingerprint(t.keyPEM), "tls_min_version": t.minText,
		"tls_client_ca_file": t.caFile, "tls_client_ca": fingerprint(t.caPEM), "tls_client_auth": t.authText,
	}
}

// load reads the certificates.
//
// Errors:
//   - errcode.Invalid, errcode.NotFound or errcode.Denied; the message names
//     the setting and the file.
func (t *tlsSource) load() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.loadLocked()
}

func (t *tlsSource) loadLocked() error {
	stamps := map[string]stamp{} // taken before reading: a later change is seen
	for _, f := range t.files() {
		stamps[f] = stampOf(f)
	}
	cfg := &tls.Config{MinVersion: t.minVersion, NextProtos: t.protocols, ClientAuth: t.auth}
	for i, f := range t.certFiles {
		cert, err := readFile("tls_cert_file", f)
		if err != nil {
			return err
		}
		key, err := readFile("tls_key_file", t.keyFiles[i])
		if err != nil {
			return err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return errcode.New(errcode.Invalid, "tls_cert_file %s with tls_key_file %s: %w", f, t.keyFiles[i], err).
				WithNext("both are PEM; the key is that of the file's first certificate")
		}
		cfg.Certificates = append(cfg.Certificates, pair)
	}
	if t.certPEM != "" {
		pair, err := tls.X509KeyPair([]byte(t.certPEM), []byte(t.keyPEM))
		if err != nil {
			return errcode.New(errcode.Invalid, "tls_cert with tls_key: %w", err).WithNext("both are PEM; the key is that of the first certificate")
		}
		cfg.Certificates = append(cfg.Certificates, pair)
	}
	if err := t.loadAuthority(cfg); err != nil {
		return err
	}
	t.stamps = stamps
	t.current.Store(cfg)
	return nil
}

func (t *tlsSource) loadAuthority(cfg *tls.Config) error {
	pem, name := []byte(t.caPEM), "tls_client_ca"
	if t.caFile != "" {
		var err error
		if pem, err = readFile("tls_client_ca_file", t.caFile); err != nil {
			return err
		}
		name = "tls_client_ca_file " + t.caFile
	}
	if len(pem) == 0 {
		return nil
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return errcode.New(errcode.Invalid, "%s: it holds no certificate in PEM", name)
	}
	return nil
}

func readFile(setting, path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		return b, nil
	case os.IsNotExist(err):
		return nil, errcode.New(errcode.NotFound, "%s %s: there is no such file", setting, path).
			WithNext("the path is of the host that runs the provider; make it absolute")
	case os.IsPermission(err):
		return nil, errcode.New(errcode.Denied, "%s %s: this user may not read it", setting, path)
	}
	return nil, errcode.New(errcode.Invalid, "%s: %w", setting, err)
}

func (t *tlsSource) files() []string {
	all := append(append([]string(nil), t.certFiles...), t.keyFiles...)
	if t.caFile != "" {
		all = append(all, t.caFile)
	}
	return all
}

func stampOf(file string) stamp {
	if st, err := os.Stat(file); err == nil {
		return stamp{size: st.Size(), changed: st.ModTime()}
	}
	return stamp{}
}

// config returns what a handshake goes by, after load has succeeded once. Files
// that changed are read first; if they cannot be, the certificates before stay,
// and log says why.
func (t *tlsSource) config(log *slog.Logger) *tls.Config {
	now := time.Now().UnixNano()
	if last := t.checked.Load(); now-last >= int64(recheck) && t.checked.CompareAndSwap(last, now) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for f, was := range t.stamps {
			if is := stampOf(f); is == was {
				continue
			}
			if err := t.loadLocked(); err != nil {
				log.Warn("certificates changed and cannot be read; those before stay", "error", err)
			} else {
				log.Info("certificates were read again", "file", f)
			}
			break
		}
	}
	return t.current.Load()
}
