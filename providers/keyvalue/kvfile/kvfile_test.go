package kvfile_test

import (
	"os"
	"testing"

	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/providers/keyvalue/kvfile"
	"latticework/providers/providertest"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(crashFolder); folder != "" {
		crashChild(folder)
	}
	leakcheck.Main(m)
}

func newProvider(t *testing.T, folder string) *kvfile.Provider {
	t.Helper()
	p, err := kvfile.New(providers.Setup{Name: "store", DataFolder: folder})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConformance(t *testing.T) {
	var folder string
	providertest.KeyValue{
		New: func(t *testing.T) providers.Provider {
			folder = t.TempDir()
			return newProvider(t, folder)
		},
		Config: func(*testing.T) map[string]string { return nil },
		Reopen: func(t *testing.T) providers.Provider { return newProvider(t, folder) },
	}.Run(t)
}
