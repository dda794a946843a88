package wiring

import (
	"latticework/components/wasi"
	"latticework/internal/grant"
	"latticework/internal/httpout"
)

// Granted returns what WASI is opened with for a component that is granted s.
// Streams, clocks and the program's name are the caller's to add.
func Granted(s grant.Set) wasi.Config {
	cfg := wasi.Config{Args: s.Args, Network: s.Net}
	for _, v := range s.Env {
		cfg.Env = append(cfg.Env, wasi.EnvVar{Name: v.Name, Value: v.Value})
	}
	for _, d := range s.Dirs {
		cfg.Preopens = append(cfg.Preopens, wasi.Preopen{HostDir: d.Host, GuestPath: d.Guest, ReadOnly: d.ReadOnly})
	}
	return cfg
}

// Client returns what sends requests for a component that is granted s.
//
// Errors: those of [httpout.New].
func Client(s grant.Set) (*httpout.Client, error) { return httpout.New(httpout.Config{Allow: s.Net}) }
