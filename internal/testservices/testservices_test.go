package testservices_test

import (
	"context"
	"database/sql"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"latticework/internal/leakcheck"
	"latticework/internal/testservices"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func redisClient(t *testing.T, s *testservices.RedisServer) *redis.Client {
	o, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	o.ContextTimeoutEnabled = true
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestRedis(t *testing.T) {
	ctx := within(t, time.Minute)
	s := testservices.Redis(t, testservices.RedisOptions{Password: "s3cret/+ä"})
	c := redisClient(t, s)
	if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if conn, err := net.Dial("tcp", s.Addr); err == nil {
		conn.Close()
		t.Fatal("stopped server still listens")
	}
	s.Start()
	if v, err := c.Get(ctx, "k").Result(); err != nil || v != "v" {
		t.Errorf("after restart: %q, %v; want v", v, err)
	}
	wrong := redis.NewClient(&redis.Options{Addr: s.Addr, Password: "wrong"})
	defer wrong.Close()
	if err := wrong.Ping(ctx).Err(); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("wrong password: %v, want WRONGPASS", err)
	}
}

func TestRedisFreezeAndKill(t *testing.T) {
	s := testservices.Redis(t, testservices.RedisOptions{})
	c := redisClient(t, s)
	s.Freeze()
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := c.Ping(short).Err(); err == nil {
		t.Error("a frozen server answered")
	}
	s.Thaw()
	if err := c.Ping(within(t, time.Minute)).Err(); err != nil {
		t.Errorf("after thaw: %v", err)
	}
	s.Kill()
	s.Start()
	if err := c.Ping(within(t, time.Minute)).Err(); err != nil {
		t.Errorf("after kill and start: %v", err)
	}
	s.Freeze() // the end must cope with a frozen server
}

func TestPostgres(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	s := testservices.Postgres(t)
	query := func() (n int, err error) {
		c, err := pgx.Connect(ctx, s.URL())
		if err != nil {
			return 0, err
		}
		defer c.Close(ctx)
		if _, err = c.Exec(ctx, "CREATE TABLE IF NOT EXISTS seen (n int)"); err != nil {
			return 0, err
		}
		if _, err = c.Exec(ctx, "INSERT INTO seen VALUES (1)"); err != nil {
			return 0, err
		}
		err = c.QueryRow(ctx, "SELECT count(*) FROM seen").Scan(&n)
		return n, err
	}
	if n, err := query(); err != nil || n != 1 {
		t.Fatalf("first: %d, %v; want 1", n, err)
	}
	s.Kill()
	if _, err := query(); err == nil {
		t.Fatal("a killed server answered")
	}
	s.Start()
	if n, err := query(); err != nil || n != 2 {
		t.Fatalf("after kill and start: %d, %v; want 2", n, err)
	}
}

func TestMariaDB(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	s := testservices.MariaDB(t)
	db, err := sql.Open("mysql", s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	query := func() (n int, err error) {
		if _, err = db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS seen (n int)"); err != nil {
			return 0, err
		}
		if _, err = db.ExecContext(ctx, "INSERT INTO seen VALUES (1)"); err != nil {
			return 0, err
		}
		err = db.QueryRowContext(ctx, "SELECT count(*) FROM seen").Scan(&n)
		return n, err
	}
	if n, err := query(); err != nil || n != 1 {
		t.Fatalf("first: %d, %v; want 1", n, err)
	}
	s.Stop()
	if _, err := query(); err == nil {
		t.Fatal("a stopped server answered")
	}
	s.Start()
	if n, err := query(); err != nil || n != 2 {
		t.Fatalf("after stop and start: %d, %v; want 2", n, err)
	}
}

func TestFolderIsRemoved(t *testing.T) {
	var folder string
	t.Run("server", func(t *testing.T) {
		folder = testservices.Redis(t, testservices.RedisOptions{}).Folder
		if _, err := os.Stat(folder); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := os.Stat(folder); folder != "" && !os.IsNotExist(err) {
		t.Errorf("folder %s: %v, want it gone", folder, err)
	}
}
