package kvmemory_test

import (
	"testing"

	"latticework/internal/leakcheck"
	"latticework/providers"
	"latticework/providers/keyvalue/kvmemory"
	"latticework/providers/providertest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func newProvider(t *testing.T) providers.Provider {
	p, err := kvmemory.New(providers.Setup{Name: "store"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConformance(t *testing.T) {
	providertest.KeyValue{
		New:    newProvider,
		Config: func(*testing.T) map[string]string { return nil },
	}.Run(t)
}
