package wasihttp_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUnreadBodyLeavesTheConnectionUsable sends bodies that the guest does not
// read, over one connection.
func TestUnreadBodyLeavesTheConnectionUsable(t *testing.T) {
	var logged strings.Builder
	srv := httptest.NewUnstartedServer(newSite(t, "c-http", false))
	srv.Config.ErrorLog = log.New(&logged, "", 0)
	srv.Start()
	for i := range 50 {
		r, err := srv.Client().Post(srv.URL+"/x", "text/plain", strings.NewReader("unread"))
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("request %d: %d, %v", i, r.StatusCode, err)
		}
		_ = r.Body.Close()
	}
	srv.Close()
	if logged.String() != "" {
		t.Errorf("the server logged: %.300s", logged.String())
	}
}
