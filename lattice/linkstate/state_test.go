package linkstate

import (
	"errors"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

// machine applies commands one after the other.
type machine struct {
	t     *testing.T
	s     *State
	index uint64
}

func newMachine(t *testing.T) *machine { return &machine{t: t, s: NewState()} }

func (m *machine) apply(c Command) (Result, []Change) {
	m.t.Helper()
	data, err := c.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	m.index++
	return m.s.Apply(m.index, data)
}

func (m *machine) ok(c Command) (Result, []Change) {
	m.t.Helper()
	r, ch := m.apply(c)
	if err := r.Err(); err != nil {
		m.t.Fatalf("apply: %v", err)
	}
	return r, ch
}

func (m *machine) refused(code errcode.Code, part string, c Command) {
	m.t.Helper()
	before := m.s.View().Encode()
	r, ch := m.apply(c)
	if err := r.Err(); !errors.Is(err, code) || !strings.Contains(err.Error(), part) {
		m.t.Fatalf("apply: got %v (%s), want %s with %q", err, errcode.Of(err), code, part)
	}
	if len(ch) != 0 {
		m.t.Fatalf("refused command has changes %v", ch)
	}
	if string(before) != string(m.s.View().Encode()) {
		m.t.Fatal("refused command changed the state")
	}
}

func kvLink(targets ...Target) Link {
	return Link{LinkKey: LinkKey{Source: "counter", Namespace: "wasi", Package: "keyvalue", Interfaces: []string{"store", "atomics"}}, Targets: targets}
}

// withCounter has a component, two stores and a config.
func withCounter(t *testing.T) *machine {
	m := newMachine(t)
	m.ok(Command{Bootstrap: &Bootstrap{Cluster: "C1", Lattice: "test"}})
	m.ok(Command{PutComponent: &PutComponent{Component: Component{Name: "counter", Image: Image{Ref: "file:counter.wasm"}}}})
	m.ok(Command{PutProvider: &PutProvider{Provider: Provider{Name: "mem", Technology: "keyvalue-memory"}}})
	m.ok(Command{PutProvider: &PutProvider{Provider: Provider{Name: "redis", Technology: "keyvalue-redis"}}})
	m.ok(Command{PutConfig: &PutConfig{Config: Config{Name: "kv", Values: map[string]string{"bucket": "a"}}}})
	return m
}

func TestPutLink(t *testing.T) {
	m := withCounter(t)
	r, ch := m.ok(Command{PutLink: &PutLink{Link: kvLink(Target{Name: "mem"})}})
	if r.Generation != m.index || r.Revision != m.index || len(ch) != 1 || ch[0].Kind != KindLink {
		t.Fatalf("got %+v %+v", r, ch)
	}
	l := m.s.View().LinkFor("counter", "", "wasi:keyvalue", "atomics")
	if l == nil || l.Name != DefaultLinkName || l.Targets[0].Name != "mem" {
		t.Fatalf("got %+v", l)
	}
	if r, ch := m.ok(Command{PutLink: &PutLink{Link: kvLink(Target{Name: "mem"})}}); !r.Unchanged || len(ch) != 0 {
		t.Fatalf("same link again: %+v", r)
	}
	// Another policy keeps the generation, another target does not.
	other := kvLink(Target{Name: "mem"})
	other.Policy.Locality = "any"
	if r, _ := m.ok(Command{PutLink: &PutLink{Link: other}}); r.Generation != l.Generation || r.Revision != m.index {
		t.Fatalf("policy: %+v", r)
	}
	other.Targets = []Target{{Name: "redis"}}
	m.ok(Command{PutLink: &PutLink{Link: other}})
	n := m.s.View().Link(l.LinkKey)
	if n.Generation != m.index || len(n.Drains) != 1 || n.Drains[0].Generation != l.Generation || n.Drains[0].Targets[0].Name != "mem" {
		t.Fatalf("target: %+v", n)
	}
}

func TestPutLinkRefused(t *testing.T) {
	m := withCounter(t)
	m.ok(Command{PutLink: &PutLink{Link: kvLink(Target{Name: "mem"})}})
	rev := m.index
	put := func(edit func(*Link)) Command {
		l := kvLink(Target{Name: "mem"})
		edit(&l)
		return Command{PutLink: &PutLink{Link: l}}
	}
	m.refused(errcode.Conflict, `"store"`, put(func(l *Link) { l.Interfaces = []string{"store"} }))
	m.refused(errcode.NotFound, `"nobody"`, put(func(l *Link) { l.Source = "nobody" }))
	m.refused(errcode.NotFound, `"nobody"`, put(func(l *Link) { l.Targets[0].Name = "nobody" }))
	m.refused(errcode.NotFound, `"none"`, put(func(l *Link) { l.Targets[0].Config = []string{"none"} }))
	m.refused(errcode.NotFound, `"none"`, put(func(l *Link) { l.SourceConfig = []string{"none"} }))
	m.refused(errcode.Invalid, "no interfaces", put(func(l *Link) { l.Interfaces = nil }))
	m.refused(errcode.Invalid, "no target", put(func(l *Link) { l.Targets = nil }))
	m.refused(errcode.Invalid, "package", put(func(l *Link) { l.Package = "key value" }))
	m.refused(errcode.Invalid, "link name", put(func(l *Link) { l.Name = "a.b" }))
	m.refused(errcode.Invalid, "locality", put(func(l *Link) { l.Policy.Locality = "near" }))
	m.refused(errcode.Invalid, "twice", put(func(l *Link) { l.Targets = append(l.Targets, l.Targets[0]) }))
	wrong := rev + 1
	c := put(func(l *Link) { l.Targets[0].Name = "redis" })
	c.PutLink.Expect = &wrong
	m.refused(errcode.Conflict, "expected revision", c)
	absent := uint64(0)
	c.PutLink.Expect = &absent
	m.refused(errcode.Exists, "exists at revision", c)
	c.PutLink.Expect = &rev
	m.ok(c)
	// The same interfaces under another link name are another link.
	m.ok(put(func(l *Link) { l.Name = "second"; l.Interfaces = []string{"store"} }))
}

func TestSwap(t *testing.T) {
	m := withCounter(t)
	first, _ := m.ok(Command{PutLink: &PutLink{Link: kvLink(Target{Name: "mem"})}})
	key := kvLink().LinkKey
	prep, _ := m.ok(Command{PrepareSwap: &PrepareSwap{Key: key, Targets: []Target{{Name: "redis", Config: []string{"kv"}}}}})
	l := m.s.View().Link(key)
	if l.Generation != first.Generation || l.Targets[0].Name != "mem" || l.Swap == nil || l.Swap.Generation != prep.Generation {
		t.Fatalf("prepared: %+v", l)
	}
	// Nothing may change under the prepared swap.
	m.refused(errcode.Conflict, "under way", Command{PrepareSwap: &PrepareSwap{Key: key, Targets: []Target{{Name: "redis"}}}})
	m.refused(errcode.Conflict, "under way", Command{PutLink: &PutLink{Link: kvLink(Target{Name: "redis"})}})
	m.refused(errcode.Conflict, "under way", Command{PutConfig: &PutConfig{Config: Config{Name: "kv", Values: map[string]string{"bucket": "b"}}}})
	m.refused(errcode.Conflict, "not prepared", Command{FlipSwap: &FlipSwap{Key: key, Generation: prep.Generation + 100}})
	m.refused(errcode.Conflict, "leads to it", Command{DeleteProvider: &DeleteWorkload{Name: "redis"}})

	// The machine restarts in the middle.
	restored, err := RestoreState(m.s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	m.s = restored
	m.ok(Command{FlipSwap: &FlipSwap{Key: key, Generation: prep.Generation}})
	l = m.s.View().Link(key)
	if l.Generation != prep.Generation || l.Targets[0].Name != "redis" || l.Swap != nil || len(l.Drains) != 1 {
		t.Fatalf("flipped: %+v", l)
	}
	if r, _ := m.ok(Command{FlipSwap: &FlipSwap{Key: key, Generation: prep.Generation}}); !r.Unchanged {
		t.Fatal("second flip changed something")
	}
	m.ok(Command{FinishDrain: &FinishDrain{Key: key, Generation: first.Generation}})
	if l = m.s.View().Link(key); l.Drains != nil {
		t.Fatalf("drained: %+v", l)
	}
	prep, _ = m.ok(Command{PrepareSwap: &PrepareSwap{Key: key, Targets: []Target{{Name: "mem"}}}})
	m.ok(Command{AbortSwap: &AbortSwap{Key: key, Generation: prep.Generation}})
	if l = m.s.View().Link(key); l.Swap != nil || l.Targets[0].Name != "redis" || l.Generation >= prep.Generation {
		t.Fatalf("aborted: %+v", l)
	}
}

func TestConfigRenewsLinks(t *testing.T) {
	m := withCounter(t)
	m.ok(Command{PutLink: &PutLink{Link: kvLink(Target{Name: "mem", Config: []string{"kv"}})}})
	_, ch := m.ok(Command{PutConfig: &PutConfig{Config: Config{Name: "kv", Values: map[string]string{"bucket": "b"}}}})
	if len(ch) != 2 || ch[0].Kind != KindConfig || ch[1].Kind != KindLink {
		t.Fatalf("changes %+v", ch)
	}
	if l := ch[1].Link; l.Generation != m.index || len(l.Drains) != 1 {
		t.Fatalf("link %+v", l)
	}
	values, err := m.s.View().ResolveConfig([]string{"kv"})
	if err != nil || values["bucket"] != "b" {
		t.Fatal(values, err)
	}
	m.refused(errcode.Conflict, "names it", Command{DeleteConfig: &DeleteConfig{Name: "kv"}})
	// A provider's own config counts as well.
	m.ok(Command{PutConfig: &PutConfig{Config: Config{Name: "own", Values: map[string]string{"url": "1"}}}})
	m.ok(Command{PutProvider: &PutProvider{Provider: Provider{Name: "mem", Technology: "keyvalue-memory", Config: []string{"own"}}}})
	if g := m.s.View().Link(kvLink().LinkKey).Generation; g != m.index {
		t.Fatalf("provider's configs changed: generation %d, want %d", g, m.index)
	}
	m.ok(Command{PutConfig: &PutConfig{Config: Config{Name: "own", Values: map[string]string{"url": "2"}}}})
	if g := m.s.View().Link(kvLink().LinkKey).Generation; g != m.index {
		t.Fatalf("provider's values changed: generation %d, want %d", g, m.index)
	}
}

func TestRequestsAreExecutedOnce(t *testing.T) {
	m := withCounter(t)
	put := func(bucket string) Command {
		return Command{Request: "r1", PutConfig: &PutConfig{Config: Config{Name: "kv", Values: map[string]string{"bucket": bucket}}}}
	}
	first, _ := m.ok(put("b"))
	m.ok(Command{PutConfig: &PutConfig{Config: Config{Name: "kv", Values: map[string]string{"bucket": "c"}}}})
	again, ch := m.ok(put("b"))
	if again != first || len(ch) != 0 || m.s.View().Config("kv").Values["bucket"] != "c" {
		t.Fatalf("repeated: %+v, first %+v", again, first)
	}
	m.refused(errcode.Conflict, "another command", put("d"))
	// Forgotten only after MaxRequests others.
	for i := range MaxRequests - 1 {
		m.ok(Command{Request: "x" + string(rune('0'+i%10)) + strings.Repeat("y", i%50) + itoa(i), DeleteConfig: &DeleteConfig{Name: "none"}})
	}
	if again, _ := m.ok(put("b")); again != first {
		t.Fatalf("forgotten too early: %+v", again)
	}
	m.ok(Command{Request: "last", DeleteConfig: &DeleteConfig{Name: "none"}})
	if again, _ := m.ok(put("b")); again == first {
		t.Fatal("remembered for ever")
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func app(version string) *DeployApplication {
	return &DeployApplication{
		Application: Application{Name: "shop", Version: version},
		Configs:     []Config{{Name: "shop-kv", Values: map[string]string{"bucket": version}}},
		Components:  []Component{{Name: "counter", Image: Image{Ref: "counter.wasm"}}},
		Providers:   []Provider{{Name: "mem", Technology: "keyvalue-memory"}, {Name: "redis", Technology: "keyvalue-redis"}},
		Links:       []Link{kvLink(Target{Name: "mem", Config: []string{"shop-kv"}})},
	}
}

func TestDeploy(t *testing.T) {
	m := newMachine(t)
	_, ch := m.ok(Command{DeployApplication: app("1")})
	if len(ch) != 6 {
		t.Fatalf("changes %+v", ch)
	}
	first := m.s.View().Link(kvLink().LinkKey)
	if first.App != "shop" || m.s.View().Config("shop-kv").App != "shop" {
		t.Fatalf("owner of %+v", first)
	}
	// A swap by hand survives the same manifest, not another one.
	m.ok(Command{PutLink: &PutLink{Link: kvLink(Target{Name: "redis"})}})
	if r, _ := m.ok(Command{DeployApplication: app("1")}); !r.Unchanged {
		t.Fatalf("same manifest: %+v", r)
	}
	m.ok(Command{DeployApplication: app("2")})
	l := m.s.View().Link(kvLink().LinkKey)
	if l.Targets[0].Name != "mem" || l.Generation != m.index || len(l.Drains) != 2 {
		t.Fatalf("other manifest: %+v", l)
	}
	// What another manifest no longer has goes away, with its assignment.
	m.ok(Command{Assign: &Assign{Assignments: []Assignment{{Kind: ProviderWorkload, Name: "redis", Hosts: []Placed{{Host: "H1", Count: 1}}}}}})
	smaller := app("3")
	smaller.Providers = smaller.Providers[:1]
	m.ok(Command{DeployApplication: smaller})
	if v := m.s.View(); v.Provider("redis") != nil || v.AssignmentOf("redis") != nil {
		t.Fatal("removed provider is still there")
	}
	bad := app("4")
	bad.Links[0].Targets[0].Name = "redis"
	bad.Providers = bad.Providers[:1]
	m.refused(errcode.NotFound, `"redis"`, Command{DeployApplication: bad})
	other := app("1")
	other.Application.Name = "rival"
	m.refused(errcode.Exists, `belongs to application "shop"`, Command{DeployApplication: other})
	m.ok(Command{DeleteApplication: &DeleteApplication{Name: "shop"}})
	v := m.s.View()
	if n := len(v.Links()) + len(v.Configs()) + len(v.Components()) + len(v.Providers()) + len(v.Applications()) + len(v.Assignments()); n != 0 {
		t.Fatalf("%d records left", n)
	}
}

func TestDeployChangesConfigAndTarget(t *testing.T) {
	m := newMachine(t)
	m.ok(Command{DeployApplication: app("1")})
	old := m.s.View().Link(kvLink().LinkKey).Generation
	next := app("2") // another value and another target in one step: one new generation
	next.Links[0].Targets[0].Name = "redis"
	m.ok(Command{DeployApplication: next})
	l := m.s.View().Link(kvLink().LinkKey)
	if l.Generation != m.index || len(l.Drains) != 1 || l.Drains[0].Generation != old || l.Drains[0].Targets[0].Name != "mem" || l.Targets[0].Name != "redis" {
		t.Fatalf("got %+v", l)
	}
}

func TestApplyIsTotal(t *testing.T) {
	s := NewState()
	for i, entry := range []string{"", "{", "null", "[]", `{"v":1}`, `{"v":99,"put_link":{}}`, `{"v":1,"put_link":{}}`,
		`{"v":1,"put_link":{},"put_config":{}}`, `{"v":1,"nonsense":{}}`, `{"v":1,"assign":{"assignments":[{}]}}`,
		`{"v":1,"flip_swap":{}}`, `{"v":1,"deploy_application":{}}`, `{"v":1,"prepare_swap":{"targets":null}}`} {
		r, ch := s.Apply(uint64(i+1), []byte(entry))
		if r.Err() == nil || len(ch) != 0 {
			t.Errorf("%q: %+v", entry, r)
		}
	}
	if r, _ := s.Apply(3, []byte(`{"v":1,"bootstrap":{"cluster":"C","lattice":"l"}}`)); !errors.Is(r.Err(), errcode.Conflict) {
		t.Errorf("old entry: %+v", r)
	}
}
