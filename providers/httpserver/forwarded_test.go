package httpserver_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"latticework/internal/poll"
)

// TestForwarded: what clients say of a request's way is not believed, what
// trusted proxies say is.
func TestForwarded(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|for=%s|proto=%s|host=%s|%s|%s", r.URL.Scheme, r.Host, strings.Join(r.Header["X-Forwarded-For"], ";"),
			r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host"), r.Header.Get("Forwarded"), r.Header.Get("X-Forwarded-Port")+r.Header.Get("X-Real-Ip"))
	}
	sent := map[string]string{"X-Forwarded-For": "203.0.113.7, 127.0.0.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example", "X-Forwarded-Port": "1", "X-Real-Ip": "2"}
	modern := map[string]string{"Forwarded": `for=203.0.113.7:5;proto=https;host="shop.example", for=127.0.0.9`}
	for name, try := range map[string]struct {
		config, sent map[string]string
		want, remote string
	}{
		"strangers":  {nil, sent, "http|own|for=127.0.0.1|proto=http|host=own||", "127.0.0.1"},
		"none":       {map[string]string{"forwarded_headers": "none"}, sent, "http|own|for=|proto=|host=||", "127.0.0.1"},
		"modern":     {map[string]string{"forwarded_headers": "forwarded"}, modern, `http|own|for=|proto=|host=|for=127.0.0.1;proto=http;host="own"|`, "127.0.0.1"},
		"other":      {map[string]string{"trusted_proxies": "10.0.0.0/8, ::1"}, sent, "http|own|for=127.0.0.1|proto=http|host=own||", "127.0.0.1"},
		"trusted":    {map[string]string{"trusted_proxies": "127.0.0.0/8"}, sent, "https|shop.example|for=203.0.113.7, 127.0.0.9, 127.0.0.1|proto=https|host=shop.example||", "203.0.113.7"},
		"trusted, 1": {map[string]string{"trusted_proxies": "127.0.0.1"}, sent, "https|shop.example|for=203.0.113.7, 127.0.0.9, 127.0.0.1|proto=https|host=shop.example||", "127.0.0.9"},
		"trusted, modern": {map[string]string{"trusted_proxies": "127.0.0.0/8"}, modern,
			"https|shop.example|for=203.0.113.7, 127.0.0.9, 127.0.0.1|proto=https|host=shop.example||", "203.0.113.7"},
		"malformed": {map[string]string{"trusted_proxies": "127.0.0.0/8"}, map[string]string{"X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "a b"},
			"http|own|for=127.0.0.1|proto=http|host=own||", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			config := map[string]string{"access_log": "true"}
			for k, v := range try.config {
				config[k] = v
			}
			s := start(t, config, slog.New(slog.NewTextHandler(&log, nil)))
			_, url := s.mustServe("a", nil, show)
			r, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			r.Host = "own"
			for k, v := range try.sent {
				r.Header.Set(k, v)
			}
			resp, err := client(t, http1).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if b, _ := io.ReadAll(resp.Body); string(b) != try.want {
				t.Errorf("seen  %s\nwant %s", b, try.want)
			}
			poll.Until(t, 5*time.Second, "the log", func() (any, bool) {
				text := log.String()
				return text, strings.Contains(text, "remote="+try.remote+" ")
			})
		})
	}
}

// TestRequestID: made for the log, or a trusted proxy's.
func TestRequestID(t *testing.T) {
	for trusted, want := range map[string]bool{"127.0.0.1": true, "10.0.0.1": false} {
		var log lockedBuffer
		s := start(t, map[string]string{"access_log": "true", "trusted_proxies": trusted}, slog.New(slog.NewTextHandler(&log, nil)))
		_, url := s.mustServe("a", nil, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Request-Id")) })
		r, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		r.Header.Set("X-Request-Id", "mine")
		resp, err := client(t, http1).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if id := string(b); (id == "mine") != want || id != resp.Header.Get("X-Request-Id") || id == "" {
			t.Errorf("trusted %s: the component saw %q, the client %q", trusted, id, resp.Header.Get("X-Request-Id"))
		}
		poll.Until(t, 5*time.Second, "the log", func() (any, bool) {
			return log.String(), strings.Contains(log.String(), "request_id="+string(b)) && strings.Contains(log.String(), "duration=")
		})
	}
}
