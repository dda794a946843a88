package components_test

import (
	"runtime"
	"strconv"
	"testing"

	"latticework/components"
	. "latticework/internal/wasmbuild"
)

// BenchmarkExceptions calls guests that enter tries try blocks in a call and leave
// them as they do, in a process that holds heap MiB: what a try block costs
// as long as nobody waits for the collector's sake, and what is left where
// one does nothing else.
func BenchmarkExceptions(b *testing.B) {
	m, _ := exceptionModule()
	m.Export("throw", Func, m.Func(m.Type("i", ""), "", counted(Cat([]byte{blockOp, 0x7e, tryOp, void, 1, 0, 0, 0}, throwing(5), []byte{endOp, 0x00, endOp, 0x1a}))))
	m.Export("end", Func, m.Func(m.Type("i", ""), "", counted([]byte{blockOp, void, tryOp, void, 1, 2, 0, endOp, endOp})))
	e, err := components.NewEngine(b.Context(), components.EngineConfig{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close(b.Context()) }()
	c, err := e.CompileModule(b.Context(), m.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	tmpl, err := c.Link(b.Context(), components.CoreLinkConfig{Limits: components.Limits{StackBytes: 256 << 20}})
	if err != nil {
		b.Fatal(err)
	}
	in, err := tmpl.Acquire(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Release(b.Context())
	for _, heap := range []int{0, 64, 512} {
		for _, name := range []string{"end", "throw"} {
			for _, tries := range []int{20, 1000} {
				b.Run(name+"/heap="+strconv.Itoa(heap)+"MiB/tries="+strconv.Itoa(tries), func(b *testing.B) {
					held := make([]byte, heap<<20)
					runtime.GC()
					b.ResetTimer()
					for range b.N {
						if _, err := in.Call(b.Context(), name, uint64(tries)); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tries), "ns/try")
					runtime.KeepAlive(held)
				})
			}
		}
	}
}

// counted does code as often as parameter 0 says.
func counted(code []byte) []byte {
	return Cat([]byte{loopOp, void}, code, []byte{getOp, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, endOp})
}
