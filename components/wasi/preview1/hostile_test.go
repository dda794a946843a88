package preview1

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/internal/fuzzbound"
)

// edges are numbers at which checks go wrong: ends of memory (two pages),
// of 32 and of 64 bits, descriptors, sizes.
var edges = []uint64{
	0, 1, 2, 3, 4, 5, 8, 24, 48, 64, 1024, 1025, 0xffff, 0x10000, 0x1fff8, 0x1ffff, 0x20000, 0x20001,
	0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff, 0x1_0000_0000, 0x7fffffff_ffffffff, 0x80000000_00000000,
	0xffffffff_ffffffff,
}

// waits says of a call whether it may wait for ever, as it should.
func waits(name string) bool { return name == "poll_oneoff" }

// hostileGuest has a folder with something in it, and files open.
func hostileGuest(t testing.TB, m *Module) *testGuest {
	t.Helper()
	g := openIn(t, m, wasi.Config{
		Args: []string{"a", "b"}, Env: []wasi.EnvVar{{Name: "N", Value: "v"}}, MaxOpenFiles: 16,
		Preopens: []wasi.Preopen{{HostDir: t.TempDir(), GuestPath: "/"}},
	})
	g.open(0, "f", openCreate, 0, readWrite)
	g.open(0, ".", openDirectory, 0, rightFdRead)
	return g
}

// check fails the test if a call did something other than answer an errno.
func (g *testGuest) check(name string, args []uint64) {
	g.t.Helper()
	e, err := g.try(name, args...)
	if err != nil {
		g.t.Fatalf("%s%#x: %v", name, args, err)
	}
	if e != 0 && errnoNames[e] == "" {
		g.t.Fatalf("%s%#x: errno %d", name, args, e)
	}
}

// TestHostileNumbers calls every function with numbers at the edges. No call
// ends the guest or takes long.
func TestHostileNumbers(t *testing.T) {
	g := hostileGuest(t, compile(t, everything(), components.Limits{}))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, f := range functions {
		if waits(f.name) {
			continue
		}
		for range 2000 {
			args := make([]uint64, len(f.params))
			for i := range args {
				if args[i] = edges[r.IntN(len(edges))]; f.params[i] == 'i' {
					args[i] = uint64(uint32(args[i]))
				}
			}
			g.check(f.name, args)
		}
	}
}

// TestHostileVectors gives lists of buffers that lie outside of memory, are
// too many, or overlap one another and the list itself.
func TestHostileVectors(t *testing.T) {
	g := folder(t, t.TempDir())
	fd := g.open(0, "f", openCreate, 0, readWrite)
	for _, name := range []string{"fd_read", "fd_write"} {
		g.want(errFault, name, fd, 0x1fffc, 1, atResult)
		g.want(errFault, name, fd, 0xffffffff, 1024, atResult)
		g.want(errInval, name, fd, 0, 1025, atResult)
		g.want(errInval, name, fd, 0, 0x20000001, atResult)
		g.want(errFault, name, fd, atVector, 1, 0x1fffd)
		g.vector(atVector, 0x1ffff, 2)
		g.want(errFault, name, fd, atVector, 1, atResult)
		g.vector(atVector, 1, -1)
		g.want(errFault, name, fd, atVector, 1, atResult)
		g.vector(atVector, 0x20000, 0)
		g.want(0, name, fd, atVector, 1, atResult)
	}
	// A file that overwrites the list while it is read into memory.
	list := binary.LittleEndian.AppendUint32(nil, 0xfffffff0)
	g.write(0, fd, string(binary.LittleEndian.AppendUint32(list, 0xff))+"0123456789")
	g.want(0, "fd_seek", fd, 0, seekStart, atResult)
	g.vector(atVector, atVector+8, 8)
	g.vector(atVector+8, atBuffer, 10)
	g.want(0, "fd_read", fd, atVector, 2, atResult)
	if n := g.u32(atResult); n != 8 {
		t.Errorf("%d bytes read, want the 8 before the bad address", n)
	}
}

// TestLargeTransferIsShort writes the same memory again and again.
func TestLargeTransferIsShort(t *testing.T) {
	g := open(t, wasi.Config{}, components.Limits{})
	for i := range maxVectors {
		g.vector(0x10000+8*i, 0, 0x20000)
	}
	g.want(0, "fd_write", 1, 0x10000, maxVectors, atResult)
	if n := g.u32(atResult); n != maxTransfer {
		t.Errorf("%d bytes, want %d", n, maxTransfer)
	}
}

// FuzzCalls runs sequences of calls: a byte names the function, nine bytes
// each number, of which the first says whether it is an edge.
func FuzzCalls(f *testing.F) {
	f.Add([]byte{27, 0, 3, 0, 0, 1, 1})
	m := compile(f, everything(), components.Limits{})
	f.Fuzz(func(t *testing.T, calls []byte) {
		fuzzbound.Run(t, func() {
			g, data := hostileGuest(t, m), calls
			for len(data) > 0 {
				fn := functions[int(data[0])%len(functions)]
				if data = data[1:]; waits(fn.name) {
					continue
				}
				args := make([]uint64, len(fn.params))
				for i := range args {
					if len(data) == 0 {
						return
					}
					if args[i] = edges[int(data[0])%len(edges)]; data[0] >= 128 && len(data) > 8 {
						args[i], data = binary.LittleEndian.Uint64(data[1:]), data[8:]
					}
					if data = data[1:]; fn.params[i] == 'i' {
						args[i] = uint64(uint32(args[i]))
					}
				}
				g.check(fn.name, args)
			}
		})
	})
}
