package corewasm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

// severalSide runs one module with several memories.
type severalSide struct {
	t        *testing.T
	mod      api.Module
	memories []api.Memory
	refills  int
	given    api.Module // what it imports, nil for nothing
}

// open instantiates data, whose imports are of the module given, and its
// companions.
func (s *severalSide) open(config wazero.RuntimeConfig, fuel bool, data, given []byte) {
	t, ctx := s.t, context.Background()
	t.Helper()
	rt := wazero.NewRuntimeWithConfig(ctx, config.WithCoreFeatures(features))
	t.Cleanup(func() { _ = rt.Close(ctx) })
	refill := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
		s.refills++
		stack[0] = uint64(uint32(int32(stack[0]) + corewasm.MinRefill))
	})
	i32 := []api.ValueType{api.ValueTypeI32}
	if _, err := rt.NewHostModuleBuilder("h").NewFunctionBuilder().WithGoModuleFunction(refill, i32, i32).Export("f").Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	m, err := corewasm.Scan(data, corewasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	companions, err := m.Companions(corewasm.Limits{}, fuel)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]api.Module{}
	instantiate := func(m *corewasm.Module, name string, cfg corewasm.RewriteConfig) {
		cfg.Image = false // without memories of our own the engine lays them out
		if fuel {
			cfg.Refill = corewasm.Target{Module: "h", Name: "f"}
		}
		out, err := m.Rewrite(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ictx := experimental.WithImportResolver(ctx, func(name string) api.Module { return named[name] })
		if named[name], err = rt.InstantiateWithConfig(ictx, out, wazero.NewModuleConfig().WithName("").WithStartFunctions()); err != nil {
			t.Fatal(err)
		}
	}
	if given != nil {
		if s.given, err = rt.InstantiateWithConfig(ctx, given, wazero.NewModuleConfig().WithName("")); err != nil {
			t.Fatal(err)
		}
		named["given"] = s.given
	}
	target := func(i corewasm.Import) corewasm.Target { return corewasm.Target{Module: "given", Name: i.Name} }
	cfg := corewasm.RewriteConfig{}
	for _, i := range m.Imports {
		cfg.Imports = append(cfg.Imports, target(i))
	}
	for i, c := range companions {
		own := corewasm.RewriteConfig{}
		for _, k := range c.From {
			own.Imports = append(own.Imports, target(m.Imports[k]))
		}
		name := corewasm.Group(i)
		cfg.Companions = append(cfg.Companions, name)
		instantiate(c.Module, name, own)
	}
	instantiate(m, "", cfg)
	s.mod = named[""]
	s.memories = []api.Memory{s.mod.Memory()}
	for _, name := range cfg.Companions {
		s.memories = append(s.memories, named[name].ExportedMemory(corewasm.CompanionMemory))
	}
}

// do calls an export and returns its result and how it trapped.
func (s *severalSide) do(name string, args ...uint64) string {
	res, err := s.mod.ExportedFunction(name).Call(context.Background(), args...)
	if err != nil {
		text, _, _ := strings.Cut(err.Error(), "\n")
		return text
	}
	return fmt.Sprint(res)
}

func (s *severalSide) bytes(i int) []byte {
	b, ok := s.memories[i].Read(0, s.memories[i].Size())
	if !ok {
		s.t.Fatal("a memory cannot be read")
	}
	return b
}

// loadsAndStores are the instructions that load and store: the opcode, what
// follows offset, the type, and whether it stores.
type loadOrStore struct {
	op     []byte
	lane   []byte
	typ    byte
	stores bool
}

func loadsAndStores() (out []loadOrStore) {
	for op, typ := range []byte("ilfdiiiillllllilfdiilll") {
		out = append(out, loadOrStore{op: []byte{0x28 + byte(op)}, typ: typ, stores: op >= 14})
	}
	for sub := range byte(12) {
		out = append(out, loadOrStore{op: []byte{0xfd, sub}, typ: 'v', stores: sub == 11})
	}
	for sub := byte(84); sub <= 91; sub++ {
		for _, lane := range []byte{0, 1, 16>>(sub%4) - 1} {
			out = append(out, loadOrStore{op: []byte{0xfd, sub}, lane: []byte{lane}, typ: 'v', stores: sub >= 88})
		}
	}
	return append(out, loadOrStore{op: []byte{0xfd, 92}, typ: 'v'}, loadOrStore{op: []byte{0xfd, 93}, typ: 'v'})
}

// function adds the instruction in memory mem as a function of an address and
// an i64 that is stored, whose result is what was loaded as an i64.
func (l loadOrStore) function(m *Module, name string, mem byte, offset uint32) {
	const vector = 2
	value := map[byte][]byte{'i': {0x20, 1, 0xa7}, 'l': {0x20, 1}, 'f': {0x20, 1, 0xa7, 0xbe}, 'd': {0x20, 1, 0xbf}, 'v': {0x20, vector}}
	result := map[byte][]byte{'i': {0xad}, 'l': {}, 'f': {0xbc, 0xad}, 'd': {0xbd}, 'v': {0x22, vector, 0xfd, 0x1d, 0, 0x20, vector, 0xfd, 0x1d, 1, 0x85}}
	memarg := Cat([]byte{0}, U(offset))
	if mem > 0 {
		memarg = Cat([]byte{0x40, mem}, U(offset))
	}
	code := []any{[]byte{0x20, 1, 0xfd, 0x12, 0x21, vector, 0x20, 0}} // i64x2.splat
	if l.stores || l.lane != nil {
		code = append(code, value[l.typ])
	}
	code = append(code, l.op, memarg, l.lane)
	if l.stores {
		code = append(code, []byte{0x42, 0})
	} else {
		code = append(code, result[l.typ])
	}
	m.Export(name, Func, m.Func(m.Type("il", "l"), "v", code...))
}

func pattern(n int) []byte {
	r := rand.New(rand.NewPCG(8, 9))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// segment is an active data segment of memory mem.
func segment(mem byte, offset int64, data []byte) []byte {
	return Cat([]byte{2, mem}, I32(offset), []byte{0x0b}, U(len(data)), data)
}

// TestLoadsAndStores has every load and store in memory 0, which is the
// engine's, and in others, which are companions': they do the same.
func TestLoadsAndStores(t *testing.T) {
	m := &Module{}
	all, offsets := loadsAndStores(), []uint32{0, 5, 65_530, 1 << 31, 1<<32 - 1}
	for mem := range byte(3) {
		m.Memory(1, 1)
		m.Datas = append(m.Datas, segment(mem, 0, pattern(300)), segment(mem, 65_500, pattern(36)))
		for i, l := range all {
			for j, off := range offsets {
				l.function(m, fmt.Sprintf("%d %d %d", i, j, mem), mem, off)
			}
		}
	}
	for _, e := range engines {
		for _, fuel := range []bool{false, true} {
			s := &severalSide{t: t}
			s.open(e.config(), fuel, m.Bytes(), nil)
			results, traps := 0, 0
			for i, l := range all {
				for j, off := range offsets {
					for _, addr := range []uint64{0, 3, 100, 65_528, 65_535, 65_536, 1 << 31, 1<<32 - 6, 1<<32 - 1} {
						value := uint64(0x8182_8384_8586_8788) + addr
						want := s.do(fmt.Sprintf("%d %d 0", i, j), addr, value)
						if strings.HasPrefix(want, "[") {
							results++
						} else {
							traps++
						}
						for mem := 1; mem < 3; mem++ {
							if got := s.do(fmt.Sprintf("%d %d %d", i, j, mem), addr, value); got != want {
								t.Fatalf("%s, fuel %v: %x lane %v at %d + %d in memory %d: %s, want %s", e.name, fuel, l.op, l.lane, addr, off, mem, got, want)
							}
						}
					}
				}
			}
			for mem := 1; mem < 3; mem++ {
				if !bytes.Equal(s.bytes(mem), s.bytes(0)) {
					t.Errorf("%s, fuel %v: byte %d of memory %d is another than memory 0's", e.name, fuel, firstUnlike(s.bytes(mem), s.bytes(0)), mem)
				}
			}
			if results < 500 || traps < 500 {
				t.Errorf("%d results and %d traps: too few to tell anything", results, traps)
			}
		}
	}
}

func firstUnlike(a, b []byte) int {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// bulkModule has the other instructions for each of three memories, and copies
// from each to each. Segment 0 is passive, segment 1 active.
func bulkModule() *Module {
	m := &Module{DataCount: true}
	m.Datas = [][]byte{Cat([]byte{1}, U(3000), pattern(3000)), segment(0, 9, []byte("zero"))}
	iii := m.Type("iii", "")
	for mem := range byte(3) {
		m.Memory(1, 4)
		if mem > 0 {
			m.Datas = append(m.Datas, segment(mem, 9, []byte("zero")))
		}
		add := func(name string, typ uint32, code ...any) {
			m.Export(fmt.Sprintf("%s %d", name, mem), Func, m.Func(typ, "", code...))
		}
		three := []byte{0x20, 0, 0x20, 1, 0x20, 2}
		add("size", m.Type("", "i"), 0x3f, mem)
		add("grow", m.Type("i", "i"), get0, 0x40, mem)
		add("fill", iii, three, 0xfc, 11, mem)
		add("init", iii, three, 0xfc, 8, 0, mem)
		add("init-active", iii, three, 0xfc, 8, 1, mem)
		for from := range byte(3) {
			add(fmt.Sprintf("copy %d", from), iii, three, 0xfc, 10, mem, from)
		}
	}
	m.Export("drop", Func, m.Func(m.Type("", ""), "", 0xfc, 9, 0))
	return m
}

var get0 = []byte{0x20, 0}

// TestBulkOfSeveral does the same at random in three memories, of which memory 0
// is the engine's.
func TestBulkOfSeveral(t *testing.T) {
	for _, e := range engines {
		for _, fuel := range []bool{false, true} {
			s := &severalSide{t: t}
			s.open(e.config(), fuel, bulkModule().Bytes(), nil)
			r := rand.New(rand.NewPCG(3, 4))
			traps := 0
			for round := range 600 {
				name := []string{"size", "grow", "fill", "init", "init-active", "copy"}[r.IntN(6)]
				size := s.memories[0].Size()
				args := []uint64{uint64(r.Uint32N(size)), uint64(r.Uint32N(size)), uint64(r.Uint32N(1 << r.IntN(17)))}
				switch name {
				case "size":
					args = nil
				case "grow":
					args = []uint64{uint64(r.Uint32N(2))}
				case "init", "init-active":
					args[1], args[2] = uint64(r.IntN(3100)), uint64(r.IntN(200)*r.IntN(2))
				}
				if round == 500 {
					s.do("drop")
				}
				var want string
				for mem := range 3 {
					call := fmt.Sprintf("%s %d", name, mem)
					if name == "copy" {
						call = fmt.Sprintf("copy %d %d", mem, mem)
					}
					got := s.do(call, args...)
					if mem == 0 {
						want = got
						if !strings.HasPrefix(got, "[") {
							traps++
						}
					}
					if got != want || !bytes.Equal(s.bytes(mem), s.bytes(0)) {
						t.Fatalf("%s, fuel %v, round %d: %s%d: %s, in memory 0 %s; bytes differ from %d", e.name, fuel, round, call, args, got, want, firstUnlike(s.bytes(mem), s.bytes(0)))
					}
				}
			}
			if traps < 50 || traps > 400 || s.memories[2].Size() != 4<<16 {
				t.Errorf("%d traps, the memories have %d bytes: too few to tell anything", traps, s.memories[2].Size())
			}
			if fuel && s.refills == 0 {
				t.Error("nothing was paid")
			}
		}
	}
}

// TestCopyBetweenMemories compares copies from each memory to each other with
// Go's, and where two indices are of one memory.
func TestCopyBetweenMemories(t *testing.T) {
	holder := &Module{}
	holder.Memory(1, 1)
	holder.Export("m", Memory, 0)
	shared := bulkModule()
	shared.Memories = nil
	for range 3 {
		shared.Imports = append(shared.Imports, Cat(Name("x"), Name("m"), []byte{2, 0, 1}))
	}
	for _, e := range engines {
		for _, one := range []bool{false, true} {
			s := &severalSide{t: t}
			if one {
				s.open(e.config(), true, shared.Bytes(), holder.Bytes())
				s.memories = []api.Memory{s.given.Memory(), s.given.Memory(), s.given.Memory()}
			} else {
				s.open(e.config(), true, bulkModule().Bytes(), nil)
			}
			r := rand.New(rand.NewPCG(5, 6))
			for mem := range 3 {
				copy(s.bytes(mem), pattern(1<<16))
			}
			traps := 0
			for range 1200 {
				to, from := r.IntN(3), r.IntN(3)
				d, n := r.IntN(1<<16), r.IntN(1<<r.IntN(15))
				src := max(0, min(1<<16, d+r.IntN(64)-32))
				if r.IntN(2) == 0 {
					src = r.IntN(1 << 16)
				}
				want := bytes.Clone(s.bytes(to))
				inside := d+n <= 1<<16 && src+n <= 1<<16
				if inside {
					copy(want[d:d+n], bytes.Clone(s.bytes(from)[src:src+n]))
				} else {
					traps++
				}
				got := s.do(fmt.Sprintf("copy %d %d", from, to), uint64(d), uint64(src), uint64(n))
				if (got == "[]") != inside || !inside && !strings.Contains(got, "out of bounds memory access") {
					t.Fatalf("%s: copy of %d bytes from %d to %d: %s", e.name, n, src, d, got)
				}
				if !bytes.Equal(s.bytes(to), want) {
					t.Fatalf("%s, one memory %v: copy of %d bytes from %d of memory %d to %d of %d: byte %d is wrong", e.name, one, n, src, from, d, to, firstUnlike(s.bytes(to), want))
				}
			}
			if traps < 20 {
				t.Errorf("%d traps: too few to tell anything", traps)
			}
		}
	}
}

// TestSeveralRefused gives the gate what the engine is not asked about any more.
func TestSeveralRefused(t *testing.T) {
	two := func(code ...any) *Module {
		m := &Module{}
		m.Memory(1, 1)
		m.Memory(1, 1)
		m.Func(m.Type("", ""), "", code...)
		return m
	}
	exported, data, many := two(), two(), two()
	exported.Export("m", Memory, 2)
	data.Datas = [][]byte{segment(2, 0, []byte("x"))}
	for range 99 {
		many.Memory(1, 1)
	}
	drop := byte(0x1a)
	for _, c := range []struct {
		what string
		m    *Module
		code errcode.Code
		say  string
	}{
		{"an export of a memory that is not there", exported, errcode.Invalid, "unknown memory 2"},
		{"data for a memory that is not there", data, errcode.Invalid, "unknown memory 2"},
		{"101 memories", many, errcode.Exhausted, "memories: 101 > 100"},
		{"a load from a memory that is not there", two(I32(0), 0x28, 0x42, 2, 0, drop), errcode.Invalid, "unknown memory 2"},
		{"an alignment of 8 for 4 bytes", two(I32(0), 0x28, 0x43, 1, 0, drop), errcode.Invalid, "alignment"},
		{"an alignment in memory 0", two(I32(0), 0x28, 3, 0, drop), errcode.Invalid, "alignment"},
		{"a lane that is not there", two(I32(0), I32(0), 0xfd, 15, 0xfd, 84, 0x40, 1, 0, 16, drop), errcode.Invalid, "lane index 16"},
		{"the size of a memory that is not there", two(0x3f, 2, drop), errcode.Invalid, "unknown memory 2"},
		{"a copy to a memory that is not there", two(I32(0), I32(0), I32(0), 0xfc, 10, 2, 0), errcode.Invalid, "unknown memory 2"},
		{"a segment that is not there", two(I32(0), I32(0), I32(0), 0xfc, 8, 0, 1), errcode.Invalid, "unknown data segment 0"},
	} {
		m, err := corewasm.Scan(c.m.Bytes(), corewasm.Limits{})
		if err == nil {
			_, err = m.Companions(corewasm.Limits{}, true)
		}
		if !errors.Is(err, c.code) || !strings.Contains(fmt.Sprint(err), c.say) {
			t.Errorf("%s: %v, want %s with %q", c.what, err, c.code, c.say)
		}
	}
}
