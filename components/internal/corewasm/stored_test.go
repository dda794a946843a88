package corewasm

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"latticework/components/internal/binary"
	"latticework/internal/refdata"
)

type memoryStore map[[32]byte][]byte

func (s memoryStore) Get(key [32]byte) []byte       { return s[key] }
func (s memoryStore) Put(key [32]byte, data []byte) { s[key] = bytes.Clone(data) }

// TestRewriteStored gives what Rewrite gives, or its bare form, and what it
// found out on the way.
func TestRewriteStored(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), "go-cmd.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := binary.Decode(data, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	store, stored := memoryStore{}, 0
	for _, d := range c.Defs {
		item, ok := d.Item.(*binary.CoreModule)
		if !ok {
			continue
		}
		code, origin := data[item.Start:item.End], Origin{Start: item.Start}
		scan := func() (*Module, RewriteConfig) {
			m, err := Scan(code, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			return m, RewriteConfig{Imports: make([]Target, len(m.Imports)), Refill: Target{"host", "refill"}, Image: true, Globals: true}
		}
		plain, cfg := scan()
		full, err := plain.Rewrite(cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := []Code{{Full: full}, {Full: full}}
		if len(code) >= storedSize {
			want = []Code{{Full: full, Bare: bare(full)}, {Bare: bare(full)}}
			stored++
		}
		for i, want := range want {
			m, cfg := scan()
			got, err := m.RewriteStored(cfg, store, origin)
			if err != nil || !bytes.Equal(got.Full, want.Full) || !bytes.Equal(got.Bare, want.Bare) || m.state != plain.state {
				t.Errorf("module at %d, time %d: %d and %d bytes, %v, %+v; want %d and %d, %+v",
					item.Start, i, len(got.Full), len(got.Bare), err, m.state, len(want.Full), len(want.Bare), plain.state)
			}
		}
		if len(code) < storedSize {
			continue
		}
		noFuel := cfg
		noFuel.Refill = Target{}
		for name, other := range map[string]struct {
			cfg    RewriteConfig
			origin Origin
		}{
			"no fuel":   {noFuel, origin},
			"companion": {cfg, Origin{Start: item.Start, Companion: 1}},
			"place":     {cfg, Origin{Start: item.Start + 1}},
			"bytes":     {cfg, Origin{Start: item.Start, Digest: [32]byte{1}}},
		} {
			m, _ := scan()
			if got, err := m.RewriteStored(other.cfg, memoryStore{origin.key(cfg): store[origin.key(cfg)]}, other.origin); err != nil || got.Full == nil {
				t.Errorf("another %s: taken from the store (%v)", name, err)
			}
		}
	}
	if stored == 0 || len(store) != stored {
		t.Errorf("%d modules are large enough, %d are stored", stored, len(store))
	}
}

// TestBare: a bare module has all that the whole one has but for code, and two
// with other code differ.
func TestBare(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(refdata.Dir(t, "guests/wasm"), "rust-http.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := binary.Decode(data, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range c.Defs {
		item, ok := d.Item.(*binary.CoreModule)
		if !ok {
			continue
		}
		full := data[item.Start:item.End]
		whole, err := Scan(full, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		short, err := Scan(bare(full), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if whole.funcs != short.funcs || !slices.EqualFunc(whole.raw, short.raw, bytes.Equal) || !slices.Equal(whole.Exports, short.Exports) ||
			!slices.Equal(whole.funcTys, short.funcTys) || whole.elements != short.elements || whole.globals != short.globals {
			t.Errorf("module at %d is not the same without its code", item.Start)
		}
		if whole.funcs == 0 {
			continue
		}
		other := bytes.Clone(full)
		for _, s := range whole.sections {
			if s.id == secCode {
				other[s.end-2] ^= 1 // the last instruction
			}
		}
		if bytes.Equal(bare(full), bare(other)) {
			t.Errorf("module at %d has the bare form of one with other code", item.Start)
		}
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
