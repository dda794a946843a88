package testservices

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PostgresServer is a running PostgreSQL with one superuser.
type PostgresServer struct {
	*Service
	User, Password, Database string
}

// Postgres starts a PostgreSQL server for the test. It writes without fsync:
// what it acknowledged survives Stop and Kill, not a power cut.
func Postgres(t testing.TB) *PostgresServer {
	t.Helper()
	folders := []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"}
	path := program(t, "postgresql", []string{"postgres"}, folders...)
	initdb := program(t, "postgresql", []string{"initdb"}, filepath.Dir(path))
	as, err := unprivileged("postgres")
	if err != nil {
		t.Fatalf("start postgres: %v", err)
	}
	s := &PostgresServer{Service: newService(t, "postgres", as),
		User: "lattice", Password: "lattice-test", Database: "postgres"}
	data, secret := filepath.Join(s.Folder, "data"), filepath.Join(s.Folder, "secret")
	if err := os.WriteFile(secret, []byte(s.Password), 0o644); err != nil {
		t.Fatalf("start postgres: %v", err)
	}
	s.prepare(initdb, "--no-sync", "-D", data, "-U", s.User, "--pwfile", secret, "-A", "scram-sha-256",
		"-E", "UTF8", "--locale", "C", "--no-instructions")

	s.stop = syscall.SIGINT // does not wait for clients
	s.args = func() []string {
		return []string{path, "-D", data, "-p", s.port(), "-h", "127.0.0.1", "-k", "",
			"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB", "-c", "max_wal_size=64MB", "-c", "max_connections=100"}
	}
	s.probe = func(ctx context.Context) error {
		c, err := pgx.Connect(ctx, s.URL())
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		var one int
		return c.QueryRow(ctx, "SELECT 1").Scan(&one)
	}
	s.open()
	return s
}

// URL returns the address as PostgreSQL clients take it, with the password.
func (s *PostgresServer) URL() string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(s.User, s.Password), Host: s.Addr,
		Path: "/" + s.Database, RawQuery: "sslmode=disable"}
	return u.String()
}

// String names the server without its password.
func (s *PostgresServer) String() string { return fmt.Sprintf("postgres at %s", s.Addr) }
