package testservices

import (
	"context"
	"net/url"
	"testing"

	"github.com/redis/go-redis/v9"
)

// RedisOptions are what tests vary; the zero value is a server without
// password that keeps its data over a restart.
type RedisOptions struct {
	// Password is asked of the user "default"; "" for none.
	Password string
	// Args are further arguments of redis-server.
	Args []string
}

// RedisServer is a running Redis.
type RedisServer struct {
	*Service
	Password string
}

// Redis starts a Redis server for the test.
func Redis(t testing.TB, o RedisOptions) *RedisServer {
	t.Helper()
	path := program(t, "redis-server", []string{"redis-server"})
	s := &RedisServer{Service: newService(t, "redis", nil), Password: o.Password}
	s.args = func() []string {
		args := []string{path, "--port", s.port(), "--bind", "127.0.0.1", "--dir", s.Folder,
			"--daemonize", "no", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"}
		if o.Password != "" {
			args = append(args, "--requirepass", o.Password)
		}
		return append(args, o.Args...)
	}
	s.probe = func(ctx context.Context) error {
		c := redis.NewClient(&redis.Options{Addr: s.Addr, Password: o.Password, MaxRetries: -1})
		defer c.Close()
		return c.Set(ctx, "latticework:ready", "1", 0).Err()
	}
	s.open()
	return s
}

// URL returns the address as Redis clients take it, with the password.
func (s *RedisServer) URL() string {
	u := url.URL{Scheme: "redis", Host: s.Addr}
	if s.Password != "" {
		u.User = url.UserPassword("", s.Password)
	}
	return u.String()
}
