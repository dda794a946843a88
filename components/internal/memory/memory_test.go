package memory

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"latticework/components/internal/corewasm"
	"latticework/internal/errcode"
)

// descriptions are memories with images of every kind.
var descriptions = []struct {
	name string
	m    corewasm.Memory
}{
	{"empty", corewasm.Memory{MinPages: 0, MaxPages: 0}},
	{"empty that grows", corewasm.Memory{MinPages: 0, MaxPages: 40}},
	{"one page", corewasm.Memory{MinPages: 1, MaxPages: 40}},
	{"small image", corewasm.Memory{MinPages: 2, MaxPages: 40, Image: []corewasm.Segment{
		{Offset: 0, Data: []byte("at the start")}, {Offset: 4090, Data: []byte("across pages")}, {Offset: 131071, Data: []byte{7}}}}},
	{"segments out of order", corewasm.Memory{MinPages: 1, MaxPages: 40, Image: []corewasm.Segment{
		{Offset: 5000, Data: []byte("second")}, {Offset: 10, Data: []byte("first")}}}},
	{"segments over one another", corewasm.Memory{MinPages: 1, MaxPages: 40, Image: []corewasm.Segment{
		{Offset: 100, Data: bytes.Repeat([]byte("a"), 100)}, {Offset: 150, Data: bytes.Repeat([]byte("b"), 100)},
		{Offset: 90, Data: bytes.Repeat([]byte("c"), 20)}, {Offset: 249, Data: []byte("d")}, {Offset: 250, Data: []byte("e")}}}},
	{"large image", corewasm.Memory{MinPages: 20, MaxPages: 40, Image: []corewasm.Segment{
		{Offset: 70_001, Data: pattern(700_003, 1)}, {Offset: 1_000_000, Data: pattern(300_000, 2)}}}},
	{"large memory", corewasm.Memory{MinPages: 300, MaxPages: 400, Image: []corewasm.Segment{{Offset: 19_000_000, Data: pattern(500_000, 3)}}}},
}

func pattern(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32()) | 1
	}
	return b
}

// fresh is what a new memory of m holds, as the standard says: segments are
// written one after the other.
func fresh(m *corewasm.Memory) []byte {
	b := make([]byte, uint64(m.MinPages)*PageSize)
	for _, s := range m.Image {
		copy(b[s.Offset:], s.Data)
	}
	return b
}

func get(t testing.TB, p *Pool, limit uint64) (*Memory, []byte) {
	t.Helper()
	m, err := p.Get(&Budget{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return m, m.Reallocate(p.min)
}

// TestNothingIsLeft fills memories in many ways, gives them back and compares
// every byte of the next with a new one, up to the largest size.
func TestNothingIsLeft(t *testing.T) {
	for _, d := range descriptions {
		t.Run(d.name, func(t *testing.T) {
			p := NewPool(&d.m, 1)
			defer p.Close()
			want := append(fresh(&d.m), make([]byte, p.max-p.min)...)
			r := rand.New(rand.NewPCG(1, 2))
			for round := range 30 {
				m, b := get(t, p, p.max)
				b = grow(m, b, p, r)
				dirty(b, r, round)
				p.Put(m)
				m, b = get(t, p, p.max)
				if !bytes.Equal(b, want[:p.min]) {
					t.Fatalf("round %d: byte %d is left over", round, firstDifference(b, want))
				}
				if b = m.Reallocate(p.max); !bytes.Equal(b, want) {
					t.Fatalf("round %d: after growing, byte %d is left over", round, firstDifference(b, want))
				}
				p.Put(m)
			}
		})
	}
}

func grow(m *Memory, b []byte, p *Pool, r *rand.Rand) []byte {
	if p.max > p.min && r.IntN(3) > 0 {
		b = m.Reallocate(p.min + uint64(r.IntN(int((p.max-p.min)/PageSize)+1))*PageSize)
	}
	return b
}

// dirty writes into b: all of it, some pages, single bytes, or nothing.
func dirty(b []byte, r *rand.Rand, round int) {
	if len(b) == 0 {
		return
	}
	switch round % 4 {
	case 0:
		for i := range b {
			b[i] = 0xa5
		}
	case 1:
		for range 20 {
			at := r.IntN(len(b))
			copy(b[at:], bytes.Repeat([]byte{0xff}, r.IntN(9000)))
		}
	case 2:
		for range 50 {
			b[r.IntN(len(b))]++
		}
	}
}

func firstDifference(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// TestNeverMoves checks that the first byte stays where it is and that what was
// written stays while a memory grows.
func TestNeverMoves(t *testing.T) {
	m, b := get(t, NewPool(&corewasm.Memory{MinPages: 1, MaxPages: 1000}, 0), 1000*PageSize)
	first := &b[0]
	for pages := uint64(1); pages <= 1000; pages += 37 {
		b = m.Reallocate(pages * PageSize)
		if &b[0] != first || uint64(len(b)) != pages*PageSize {
			t.Fatalf("moved, or %d bytes, at %d pages", len(b), pages)
		}
		b[len(b)-1] = byte(pages)
		if pages > 37 && b[(pages-37)*PageSize-1] != byte(pages-37) {
			t.Fatalf("lost what was written, at %d pages", pages)
		}
	}
	m.Pool().Put(m)
}

// TestBudget checks that memories share a limit, that they give back what they
// held, and that the limit may lie below the maximum.
func TestBudget(t *testing.T) {
	p := NewPool(&corewasm.Memory{MinPages: 1, MaxPages: 100}, 4)
	defer p.Close()
	b := &Budget{Limit: 10 * PageSize}
	one, err := p.Get(b)
	if err != nil || one.Reallocate(PageSize) == nil {
		t.Fatal(err)
	}
	two, err := p.Get(b)
	if err != nil || two.Reallocate(PageSize) == nil {
		t.Fatal(err)
	}
	if one.Reallocate(10*PageSize) != nil || b.Used() != 2*PageSize {
		t.Fatalf("grew beyond the budget, or counts %d", b.Used())
	}
	if one.Reallocate(9*PageSize) == nil || b.Used() != 10*PageSize {
		t.Fatalf("did not grow to the budget: %d used", b.Used())
	}
	if two.Reallocate(2*PageSize) != nil {
		t.Fatal("the other grew beyond the budget")
	}
	if _, err := p.Get(b); !errors.Is(err, errcode.Exhausted) || !strings.Contains(err.Error(), "720896 > 655360") {
		t.Fatalf("a third memory: %v", err)
	}
	p.Put(one)
	if two.Reallocate(10*PageSize) == nil {
		t.Fatal("what the first one held was not given back")
	}
	if two.Reallocate(101*PageSize) != nil {
		t.Fatal("grew beyond the maximum")
	}
	p.Put(two)
	if b.Used() != 0 {
		t.Fatalf("%d bytes used by nobody", b.Used())
	}
}

// mappings counts the process's mappings of at least size bytes, and those of
// images.
func mappings(t testing.TB, size uint64) (large, images int) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skipf("SKIPPED: mappings cannot be counted: %v", err)
	}
	for _, l := range strings.Split(string(data), "\n") {
		var kb uint64
		if strings.Contains(l, "memfd:image") {
			images++
		}
		if f := strings.Fields(l); len(f) == 3 && f[0] == "Size:" {
			for _, c := range f[1] {
				kb = kb*10 + uint64(c-'0')
			}
			if kb<<10 >= size {
				large++
			}
		}
	}
	return large, images
}

// TestMappingsAreReleased checks that a closed pool leaves nothing, whatever
// the order in which pool and memories end, and that it keeps no more than it
// may.
func TestMappingsAreReleased(t *testing.T) {
	const size = 5000 * PageSize // larger than what the runtime maps, in one piece or several
	before, images := mappings(t, size/2)
	files := openFiles(t)
	m := corewasm.Memory{MinPages: 20, MaxPages: 5000, Image: []corewasm.Segment{{Offset: 9, Data: pattern(1<<20, 5)}}}
	for _, keep := range []int{0, 3} {
		p := NewPool(&m, keep)
		var all []*Memory
		for range 10 {
			one, b := get(t, p, size)
			b[0] = 1
			all = append(all, one)
		}
		for _, one := range all[:8] {
			p.Put(one)
		}
		p.mu.Lock()
		kept := len(p.free)
		p.mu.Unlock()
		if kept != keep {
			t.Errorf("%d memories kept, want %d", kept, keep)
		}
		p.Close()
		p.Close()
		p.Put(all[8])
		p.Put(all[9])
	}
	after, imagesAfter := mappings(t, size/2)
	if after != before || imagesAfter != images {
		t.Errorf("%d large mappings and %d images before, %d and %d after", before, images, after, imagesAfter)
	}
	if n := openFiles(t); n > files+1 { // the page map stays open
		t.Errorf("%d files open before, %d after", files, n)
	}
}

func openFiles(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("SKIPPED: open files cannot be counted: %v", err)
	}
	return len(list)
}

// TestHammer uses a pool from many goroutines: no two have the same memory.
func TestHammer(t *testing.T) {
	p := NewPool(&corewasm.Memory{MinPages: 1, MaxPages: 3, Image: []corewasm.Segment{{Offset: 8, Data: []byte("image")}}}, 4)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for range 300 {
				m, err := p.Get(&Budget{Limit: 3 * PageSize})
				if err != nil {
					t.Error(err)
					return
				}
				b := m.Reallocate(2 * PageSize)
				if b[0] != 0 || string(b[8:13]) != "image" || b[PageSize] != 0 {
					t.Error("not as new")
				}
				b[0], b[PageSize] = byte(g)+1, byte(g)+1
				runtime.Gosched()
				if b[0] != byte(g)+1 || b[PageSize] != byte(g)+1 {
					t.Error("somebody else wrote")
				}
				p.Put(m)
			}
		})
	}
	wg.Wait()
	p.Close()
}

// TestManyIdle has ten thousand memories alive at once, each with a touched
// page.
func TestManyIdle(t *testing.T) {
	const n = 10_000
	p := NewPool(&corewasm.Memory{MinPages: 2, MaxPages: 4096}, 0)
	defer p.Close()
	all := make([]*Memory, 0, n)
	before := resident(t)
	for range n {
		m, b := get(t, p, 4096*PageSize)
		b[100] = 1
		all = append(all, m)
	}
	each := float64(resident(t)-before) / n
	t.Logf("%.0f bytes in memory each", each)
	for _, m := range all {
		p.Put(m)
	}
	if each > 4096+1024 {
		t.Errorf("%.0f bytes in memory for a memory with one touched page", each)
	}
}

func resident(t testing.TB) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("SKIPPED: the process's memory cannot be read: %v", err)
	}
	var pages int64
	for _, c := range strings.Fields(string(data))[1] {
		pages = pages*10 + int64(c-'0')
	}
	return pages * int64(os.Getpagesize())
}

// BenchmarkReset gives the time from Put to Get of a memory of which some pages
// were written.
func BenchmarkReset(b *testing.B) {
	for _, d := range []struct {
		name  string
		pages uint32
		image int
		touch int
	}{
		{"64KiB/1", 1, 1000, 1}, {"64KiB/4", 1, 1000, 4}, {"1MiB/4", 16, 10_000, 4}, {"2MiB-image/4", 40, 2 << 20, 4},
		{"2MiB-image/40", 40, 2 << 20, 40}, {"8MiB/20", 128, 1 << 20, 20}, {"16MiB/100", 256, 1 << 20, 100},
		{"64MiB/20", 1024, 1 << 20, 20},
	} {
		b.Run(d.name, func(b *testing.B) {
			p := NewPool(&corewasm.Memory{MinPages: d.pages, MaxPages: 4096, Image: []corewasm.Segment{{Data: pattern(d.image, 1)}}}, 1)
			defer p.Close()
			for b.Loop() {
				m, mem := get(b, p, 4096*PageSize)
				for i := range d.touch {
					mem[i*4096*3%len(mem)] = 1
				}
				p.Put(m)
			}
		})
	}
}
