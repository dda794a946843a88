package corewasm

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"latticework/components/internal/binary"
	"latticework/internal/refdata"
)

type memoryStore map[[32]byte][]byte

func (s memoryStore) Get(key [32]byte) []byte       { return s[key] }
func (s memoryStore) Put(key [32]byte, data []byte) { s[key] = bytes.Clone(data) }

// TestRewriteStored gives what Rewrite gives, and what it found out on the way.
func TestRewriteStored(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), "go-cmd.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := binary.Decode(data, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	store, hits := memoryStore{}, 0
	for _, d := range c.Defs {
		m, ok := d.Item.(*binary.CoreModule)
		if !ok {
			continue
		}
		code := data[m.Start:m.End]
		scan := func() (*Module, RewriteConfig) {
			m, err := Scan(code, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			return m, RewriteConfig{Imports: make([]Target, len(m.Imports)), Refill: Target{"host", "refill"}, Image: true, Globals: true}
		}
		plain, cfg := scan()
		want, err := plain.Rewrite(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			m, cfg := scan()
			got, err := m.RewriteStored(cfg, store)
			if err != nil || !bytes.Equal(got, want) || m.state != plain.state {
				t.Errorf("module at %d: %d bytes, %v, %+v; want %d, %+v", len(code), len(got), err, m.state, len(want), plain.state)
			}
		}
		other, cfg := scan()
		cfg.Refill = Target{}
		if got, err := other.RewriteStored(cfg, store); err != nil || len(code) >= storedSize && bytes.Equal(got, want) {
			t.Errorf("module at %d without fuel: %d bytes, %v", len(code), len(got), err)
		}
		if len(code) >= storedSize {
			hits++
		}
	}
	if hits == 0 || len(store) != 2*hits {
		t.Errorf("%d modules are large enough, %d are stored", hits, len(store))
	}
}

// TestStatefulStored keeps every state.
func TestStatefulStored(t *testing.T) {
	for b := range byte(16) {
		var s stateful
		s.restore(b)
		if s.stored() != b {
			t.Errorf("%04b becomes %04b", b, s.stored())
		}
	}
}
