package httpserver_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"latticework/internal/benchreport"
	"latticework/providers"
	"latticework/providers/httpserver"
)

// BenchmarkHello compares the provider with net/http alone, in alternating
// rounds of one run: requests of a client that keeps its connection.
func BenchmarkHello(b *testing.B) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	raw := &http.Server{Handler: hello}
	go func() { _ = raw.Serve(l) }()
	defer raw.Close()

	inner, err := httpserver.New(providers.Setup{Name: "web", Config: map[string]string{"address": "127.0.0.1:0"}})
	if err != nil {
		b.Fatal(err)
	}
	p := providers.Guard(inner).(providers.Source)
	defer p.Close(context.Background())
	if err := p.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	s, err := p.Serve(b.Context(), providers.Link{Source: "web", Target: "a"}, hello)
	if err != nil {
		b.Fatal(err)
	}
	own, _ := providers.As[*httpserver.Session](s)

	var c http.Client
	defer c.CloseIdleConnections()
	times := map[string]time.Duration{}
	n := 0
	for b.Loop() {
		for name, url := range map[string]string{"raw": "http://" + l.Addr().String(), "provider": own.URLs()[0]} {
			start := time.Now()
			for range 10 {
				resp, err := c.Get(url)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			times[name] += time.Since(start)
		}
		n += 10
	}
	b.ReportMetric(float64(times["provider"].Nanoseconds())/float64(n), "provider-ns/request")
	b.ReportMetric(float64(times["raw"].Nanoseconds())/float64(n), "raw-ns/request")
	ratio := times["provider"].Seconds() / times["raw"].Seconds()
	b.ReportMetric(ratio, "ratio")
	benchreport.Record(b, benchreport.Figure{Name: "http_provider_request_per_raw_net_http", Value: ratio, Unit: "x"})
}
