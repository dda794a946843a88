package testservices

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// MariaDBServer is a running MariaDB with one user who may do everything.
type MariaDBServer struct {
	*Service
	User, Password, Database string
}

// MariaDB starts a MariaDB server for the test. It flushes to the operating
// system at each commit: what it acknowledged survives Stop and Kill, not a
// power cut.
func MariaDB(t testing.TB) *MariaDBServer {
	t.Helper()
	folders := []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/opt/mariadb/bin"}
	path := program(t, "mariadb-server", []string{"mariadbd"}, folders...)
	install := program(t, "mariadb-server", []string{"mariadb-install-db"}, "/usr/bin", filepath.Dir(path))
	as, err := unprivileged("mysql")
	if err != nil {
		t.Fatalf("start mariadb: %v", err)
	}
	s := &MariaDBServer{Service: newService(t, "mariadb", as),
		User: "lattice", Password: "lattice-test", Database: "lattice"}
	data, grants := filepath.Join(s.Folder, "data"), filepath.Join(s.Folder, "grants.sql")
	statements := fmt.Sprintf("CREATE DATABASE IF NOT EXISTS %[3]s;\n"+
		"CREATE USER IF NOT EXISTS '%[1]s'@'127.0.0.1' IDENTIFIED BY '%[2]s';\n"+
		"GRANT ALL ON *.* TO '%[1]s'@'127.0.0.1' WITH GRANT OPTION;\n", s.User, s.Password, s.Database)
	if err := os.WriteFile(grants, []byte(statements), 0o644); err != nil {
		t.Fatalf("start mariadb: %v", err)
	}
	s.prepare(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")

	s.args = func() []string {
		return []string{path, "--no-defaults", "--datadir=" + data, "--port=" + s.port(),
			"--bind-address=127.0.0.1", "--socket=" + filepath.Join(s.Folder, "s"),
			"--pid-file=" + filepath.Join(s.Folder, "pid"), "--skip-name-resolve", "--skip-log-bin",
			"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=16M",
			"--innodb-log-file-size=16M", "--character-set-server=utf8mb4", "--init-file=" + grants}
	}
	s.probe = func(ctx context.Context) error {
		c := s.config()
		c.Logger = quiet{}
		door, err := mysql.NewConnector(c)
		if err != nil {
			return err
		}
		db := sql.OpenDB(door)
		defer db.Close()
		var one int
		return db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	}
	s.open()
	return s
}

// DSN returns the address as the Go driver takes it, with the password.
func (s *MariaDBServer) DSN() string { return s.config().FormatDSN() }

func (s *MariaDBServer) config() *mysql.Config {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName = s.User, s.Password, "tcp", s.Addr, s.Database
	return c
}

// quiet keeps refused connections of the first moments out of test output.
type quiet struct{}

func (quiet) Print(...any) {}
