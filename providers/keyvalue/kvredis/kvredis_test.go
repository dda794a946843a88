package kvredis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"latticework/internal/errcode"
	"latticework/internal/leakcheck"
	"latticework/internal/testservices"
	"latticework/providers"
	"latticework/providers/keyvalue"
	"latticework/providers/keyvalue/kvredis"
	"latticework/providers/providertest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

const password = "s3cret:/@%"

func newProvider(t *testing.T, config map[string]string) *kvredis.Provider {
	t.Helper()
	p, err := kvredis.New(providers.Setup{Name: "store", Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// link opens a session of a provider of its own.
func link(t *testing.T, config map[string]string) (*keyvalue.Session, error) {
	t.Helper()
	s, err := newProvider(t, nil).Link(t.Context(), providers.Link{Source: "a", Target: "store", Config: config})
	if err != nil {
		return nil, err
	}
	own := s.(*keyvalue.Session)
	t.Cleanup(func() { own.Close(context.Background()) })
	return own, nil
}

func bucket(t *testing.T, config map[string]string, name string) keyvalue.Keys {
	t.Helper()
	s, err := link(t, config)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := s.Backend().Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func client(t *testing.T, s *testservices.RedisServer) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr, Password: s.Password, ContextTimeoutEnabled: true})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConformance(t *testing.T) {
	s := testservices.Redis(t, testservices.RedisOptions{Password: password})
	silent := silentListener(t)
	c := client(t, s)
	providertest.KeyValue{
		New: func(t *testing.T) providers.Provider {
			if err := c.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			return newProvider(t, nil)
		},
		Config: func(*testing.T) map[string]string { return map[string]string{"url": s.URL(), "timeout": "2s"} },
		Bad: func(*testing.T) []providertest.BadLink {
			hides := []string{password, "s3cret"}
			return []providertest.BadLink{
				{Name: "no url", Config: map[string]string{"url": ""}, Code: errcode.Invalid, Says: []string{"url"}},
				{Name: "wrong password", Config: map[string]string{"password": "wrong-one"}, Code: errcode.Denied,
					Says: []string{"WRONGPASS", s.Addr, "check username and password"}, Hides: append(hides, "wrong-one")},
				{Name: "no password", Config: map[string]string{"password": ""}, Code: errcode.Denied, Says: []string{"NOAUTH"}},
				{Name: "unknown user", Config: map[string]string{"username": "nobody"}, Code: errcode.Denied, Says: []string{"WRONGPASS"}, Hides: hides},
				{Name: "nobody there", Config: map[string]string{"url": "redis://:s3cret@127.0.0.1:1"}, Code: errcode.Unavailable,
					Says: []string{"127.0.0.1:1", "refused"}, Hides: hides},
				{Name: "no such host", Config: map[string]string{"url": "redis://no-such-host.invalid:6379"}, Code: errcode.Unavailable,
					Says: []string{"no-such-host.invalid"}},
				{Name: "nobody answers", Config: map[string]string{"url": "redis://" + silent, "timeout": "200ms"}, Code: errcode.Deadline,
					Says: []string{"no answer in time", silent}},
				{Name: "database", Config: map[string]string{"db": "99"}, Code: errcode.Invalid, Says: []string{"DB index is out of range"}},
				{Name: "scheme", Config: map[string]string{"url": "http://:s3cret@x"}, Code: errcode.Invalid, Says: []string{"http"}, Hides: hides},
				{Name: "not a url", Config: map[string]string{"url": "redis://:s3cret@[x"}, Code: errcode.Invalid, Says: []string{"redis://user:password@host"}, Hides: hides},
				{Name: "options in url", Config: map[string]string{"url": s.URL() + "/0?pool_size=3"}, Code: errcode.Invalid, Says: []string{"settings of their own"}, Hides: hides},
				{Name: "path", Config: map[string]string{"url": "redis://h/x"}, Code: errcode.Invalid, Says: []string{"number of a database"}},
				{Name: "timeout", Config: map[string]string{"timeout": "5"}, Code: errcode.Invalid, Says: []string{"timeout", "1m30s"}},
				{Name: "tls", Config: map[string]string{"tls": "yes"}, Code: errcode.Invalid, Says: []string{"neither true nor false"}},
				{Name: "tls to a server without", Config: map[string]string{"tls": "true", "dial_timeout": "500ms"}, Code: errcode.Deadline, Says: []string{s.Addr}},
				{Name: "ca without tls", Config: map[string]string{"tls_ca": "x"}, Code: errcode.Invalid, Says: []string{"no use without TLS"}},
				{Name: "ca", Config: map[string]string{"tls": "true", "tls_ca": "x"}, Code: errcode.Invalid, Says: []string{"no certificate"}},
			}
		},
		Outage:      func(*testing.T) (down, up func()) { return s.Kill, s.Start },
		RepeatsKeys: true,
	}.Run(t)
}

// silentListener accepts connections and never says anything.
func silentListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String() // the system accepts, nobody reads
}

// TestProviderSettings: those of the provider stand for every link, a link's
// own come first, and a url must come from somewhere.
func TestProviderSettings(t *testing.T) {
	_, err := link(t, nil)
	if errcode.Of(err) != errcode.Invalid || !strings.Contains(err.Error(), "url is missing") {
		t.Errorf("without url: %v", err)
	}
	if _, err := kvredis.New(providers.Setup{Name: "store", Config: map[string]string{"ulr": "x"}}); errcode.Of(err) != errcode.Invalid ||
		errcode.NextOf(err) != `did you mean "url"?` {
		t.Errorf("misspelt: %v, next %q", err, errcode.NextOf(err))
	}
	s := testservices.Redis(t, testservices.RedisOptions{})
	p := newProvider(t, map[string]string{"url": s.URL(), "db": "3", "namespace": "n"})
	session, err := p.Link(t.Context(), providers.Link{Source: "a", Target: "store", Config: map[string]string{"db": "4"}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(t.Context())
	keys, err := session.(*keyvalue.Session).Backend().Open(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Set(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	four := redis.NewClient(&redis.Options{Addr: s.Addr, DB: 4})
	defer four.Close()
	if v, err := four.Get(t.Context(), "n:b:k").Result(); err != nil || v != "v" {
		t.Errorf("database 4 has %q, %v under n:b:k", v, err)
	}
}

// TestFrozen: a server that keeps its connections and does not answer.
func TestFrozen(t *testing.T) {
	s := testservices.Redis(t, testservices.RedisOptions{})
	keys := bucket(t, map[string]string{"url": s.URL(), "timeout": "300ms"}, "b")
	patient := bucket(t, map[string]string{"url": s.URL(), "timeout": "20s", "dial_timeout": "20s"}, "b")
	if _, err := keys.Increment(t.Context(), "n", 1); err != nil {
		t.Fatal(err)
	}
	s.Freeze()
	start := time.Now()
	_, err := keys.Increment(t.Context(), "n", 1)
	if errcode.Of(err) != errcode.Deadline || !strings.Contains(err.Error(), "whether it took effect is unknown") {
		t.Errorf("increment: %v, want a deadline and an unknown effect", err)
	}
	if _, err = keys.Get(t.Context(), "n"); errcode.Of(err) != errcode.Deadline || strings.Contains(err.Error(), "unknown") {
		t.Errorf("get: %v, want a deadline", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("two calls with 300 ms each took %s", took)
	}
	start = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err = patient.Get(ctx, "n"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 3*time.Second {
		t.Errorf("get with a deadline of 50 ms: %v after %s", err, time.Since(start))
	}
	s.Thaw()
	// One of the two increments was done, or both; never three.
	var n uint64
	for range 20 {
		if n, err = keys.Increment(t.Context(), "n", 1); err == nil {
			break
		}
	}
	if err != nil || n < 1 || n > 3 {
		t.Errorf("after thaw: %d, %v; want 1 to 3", n, err)
	}
}

// TestNothingIsDoneTwice: a write whose answer got lost is not sent again.
func TestNothingIsDoneTwice(t *testing.T) {
	s := testservices.Redis(t, testservices.RedisOptions{})
	front, lose := lossyProxy(t, s.Addr)
	keys := bucket(t, map[string]string{"url": "redis://" + front}, "b")
	for want := uint64(1); want < 20; want += 2 {
		if n, err := keys.Increment(t.Context(), "n", 1); err != nil || n != want {
			t.Fatalf("increment: %d, %v; want %d", n, err, want)
		}
		lose()
		_, err := keys.Increment(t.Context(), "n", 1)
		if errcode.Of(err) != errcode.Unavailable || !strings.Contains(err.Error(), "whether it took effect is unknown") {
			t.Fatalf("increment with a lost answer: %v", err)
		}
	}
}

// lossyProxy passes connections on to addr. After lose, the next answer of
// the server is swallowed and its connection closed.
func lossyProxy(t *testing.T, addr string) (front string, lose func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var armed atomic.Bool
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	pass := func(client, server net.Conn) {
		defer client.Close()
		defer server.Close()
		wg.Go(func() { _, _ = io.Copy(server, client); server.Close() })
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil || armed.Swap(false) {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			wg.Go(func() { pass(client, server) })
		}
	})
	return l.Addr().String(), func() { armed.Store(true) }
}

// TestAccess: what the server's access rules forbid is access-denied for the
// guest, and other users of the server keep their keys.
func TestAccess(t *testing.T) {
	s := testservices.Redis(t, testservices.RedisOptions{})
	c := client(t, s)
	if err := c.Do(t.Context(), "ACL", "SETUSER", "reader", "on", ">pw", "~lattice:shared:*", "+@read", "+ping", "+select").Err(); err != nil {
		t.Fatal(err)
	}
	config := map[string]string{"url": s.URL(), "username": "reader", "password": "pw"}
	shared, other := bucket(t, config, "shared"), bucket(t, config, "other")
	if err := bucket(t, map[string]string{"url": s.URL()}, "shared").Set(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if e, err := shared.Get(t.Context(), "k"); err != nil || string(e.Value) != "v" {
		t.Errorf("get: %q, %v", e.Value, err)
	}
	if err := shared.Set(t.Context(), "k", nil); errcode.Of(err) != errcode.Denied || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("set: %v, want denied", err)
	}
	if _, err := shared.Increment(t.Context(), "k", 1); errcode.Of(err) != errcode.Denied {
		t.Errorf("increment: %v, want denied", err)
	}
	if _, err := other.Get(t.Context(), "k"); errcode.Of(err) != errcode.Denied {
		t.Errorf("get of another bucket: %v, want denied", err)
	}
}

// TestForeignKeys: keys of others are not listed, not counted and not
// touched; a key of another type is an error and stays.
func TestForeignKeys(t *testing.T) {
	s := testservices.Redis(t, testservices.RedisOptions{})
	c := client(t, s)
	pipe := c.Pipeline()
	for i := range 20_000 {
		pipe.Set(t.Context(), "foreign:"+strconv.Itoa(i), "x", 0)
	}
	pipe.HSet(t.Context(), "lattice:b:hash", "f", "v")
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys := bucket(t, map[string]string{"url": s.URL(), "page_size": "10"}, "b")
	if err := keys.Set(t.Context(), "mine", []byte("1")); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for page, err := keys.List(t.Context(), 0, 0); ; page, err = keys.List(t.Context(), page.Next, 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range page.Keys {
			found[k] = true
		}
		if page.Next == 0 {
			break
		}
	}
	if len(found) != 2 || !found["mine"] || !found["hash"] {
		t.Errorf("keys: %v, want mine and hash", found)
	}
	for doing, err := range map[string]error{
		"get":       func() error { _, err := keys.Get(t.Context(), "hash"); return err }(),
		"increment": func() error { _, err := keys.Increment(t.Context(), "hash", 1); return err }(),
	} {
		if errcode.Of(err) != errcode.Invalid || !strings.Contains(err.Error(), "WRONGTYPE") {
			t.Errorf("%s of a hash: %v, want WRONGTYPE", doing, err)
		}
	}
	if v, err := c.HGet(t.Context(), "lattice:b:hash", "f").Result(); err != nil || v != "v" {
		t.Errorf("the hash is %q, %v", v, err)
	}
	if n, err := c.Get(t.Context(), "lattice:b:mine").Result(); err != nil || n != "1" {
		t.Errorf("the key as Redis sees it: %q, %v; want it under lattice:b:mine", n, err)
	}
}

// TestPoolIsBounded: more callers than connections wait their turn.
func TestPoolIsBounded(t *testing.T) {
	s := testservices.Redis(t, testservices.RedisOptions{})
	keys := bucket(t, map[string]string{"url": s.URL(), "pool_size": "3"}, "b")
	done := make(chan error, 32)
	for range 32 {
		go func() {
			var err error
			for range 20 {
				_, e := keys.Increment(t.Context(), "n", 1)
				err = errors.Join(err, e)
			}
			done <- err
		}()
	}
	for range 32 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	list, err := client(t, s).Do(t.Context(), "CLIENT", "LIST").Text()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(list, "\n"); n > 4 {
		t.Errorf("the server has %d connections, want 3 and the one that asks:\n%s", n, list)
	}
}

func TestTLS(t *testing.T) {
	folder := t.TempDir()
	ca := certificate(t, folder)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(secure)
	testservices.Redis(t, testservices.RedisOptions{Password: password, Args: []string{"--tls-port", port,
		"--tls-cert-file", filepath.Join(folder, "cert.pem"), "--tls-key-file", filepath.Join(folder, "key.pem"),
		"--tls-auth-clients", "no"}})

	url := "rediss://" + secure
	good := map[string]string{"url": url, "password": password, "tls_ca": ca}
	if err := bucket(t, good, "b").Set(t.Context(), "k", []byte("v")); err != nil {
		t.Errorf("set over TLS: %v", err)
	}
	named := map[string]string{"url": "redis://" + secure, "tls": "true", "password": password, "tls_ca": ca, "tls_server_name": "redis.test"}
	if _, err := link(t, named); err != nil {
		t.Errorf("with a server name: %v", err)
	}
	named["tls_server_name"] = "other.test"
	if _, err := link(t, named); errcode.Of(err) != errcode.Unavailable || !strings.Contains(err.Error(), "other.test") {
		t.Errorf("with another server name: %v", err)
	}
	if _, err := link(t, map[string]string{"url": url, "password": password}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the authority: %v", err)
	}
}

// certificate writes a self-signed one for the loopback address and the name
// redis.test, and returns it as PEM.
func certificate(t *testing.T, folder string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis.test"}, DNSNames: []string{"redis.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	cert, err1 := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	secret, err2 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	if err := errors.Join(os.WriteFile(filepath.Join(folder, "cert.pem"), text, 0o600),
		os.WriteFile(filepath.Join(folder, "key.pem"), private, 0o600)); err != nil {
		t.Fatal(err)
	}
	return string(text)
}
