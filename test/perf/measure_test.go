package perf

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/benchreport"
	"latticework/wit/abi"
)

// rounds is how often the two sides of a ratio are measured, in turn.
const rounds = 7

// ratio measures a and b in turn and returns the median of each in
// nanoseconds, and the median of the ratios a/b.
func ratio(a, b func() float64) (ma, mb, r float64) {
	var as, bs, rs []float64
	for range rounds {
		x, y := a(), b()
		as, bs, rs = append(as, x), append(bs, y), append(rs, x/y)
	}
	return median(as), median(bs), median(rs)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// each returns how many nanoseconds one of n repetitions of fn takes.
func each(n int, fn func()) float64 {
	start := time.Now()
	for range n {
		fn()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

func record(b *testing.B, name string, v float64, unit string) {
	benchreport.Record(b, benchreport.Figure{Name: name, Value: v, Unit: unit})
}

func recordGoal(b *testing.B, name string, v float64, unit, op string, goal float64) {
	benchreport.Record(b, benchreport.Figure{Name: name, Value: v, Unit: unit, Op: op, Goal: goal})
}

func newEngine(b *testing.B, cfg components.EngineConfig) *components.Engine {
	b.Helper()
	e, err := components.NewEngine(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close(context.Background()) })
	return e
}

// compile compiles code and returns it with WASI, which grants nothing, and given.
func compile(b *testing.B, e *components.Engine, code []byte, given ...*abi.Interface) (*components.Component, []*abi.Interface) {
	b.Helper()
	c, err := e.Compile(context.Background(), code)
	if err != nil {
		b.Fatal(err)
	}
	s, err := wasi.Open(wasi.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return c, append(s.Interfaces(), given...)
}

func link(b *testing.B, e *components.Engine, code []byte, given ...*abi.Interface) *components.Template {
	b.Helper()
	c, all := compile(b, e, code, given...)
	t, err := c.Link(components.LinkConfig{Interfaces: all})
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// server serves h on a free port and returns its URL.
func server(b *testing.B, h http.Handler) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with Close
	}()
	b.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return "http://" + l.Addr().String() + "/"
}

// load sends requests over conns connections for d and returns the nanoseconds
// that a request takes the whole machine.
func load(b *testing.B, url string, conns int, d time.Duration) float64 {
	b.Helper()
	tr := &http.Transport{MaxIdleConnsPerHost: conns, MaxConnsPerHost: conns}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	counts := make([]int, conns)
	end := time.Now().Add(d)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			for time.Now().Before(end) {
				res, err := client.Get(url)
				if err != nil {
					b.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK {
					b.Errorf("status %d, %v", res.StatusCode, err)
					return
				}
				counts[i]++
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(time.Since(start).Nanoseconds()) / float64(max(total, 1))
}
