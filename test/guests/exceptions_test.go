package guests

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/components/wasi/preview1"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
)

// exceptionsRun runs a program with arguments, or none, and says how it ended.
type exceptionsRun func(t *testing.T, mode components.EngineConfig, limits components.Limits, arg ...string) ended

// exceptionsRuns are the two forms of the C++ program: a core module of WASI 0.1
// and a component.
var exceptionsRuns = map[string]exceptionsRun{
	"core module": coreCommand("exceptions-core-cpp"),
	"component": func(t *testing.T, mode components.EngineConfig, limits components.Limits, arg ...string) ended {
		t.Helper()
		return execute(t, built(t, mode, "exceptions-cpp"), wasi.Config{Args: append([]string{"exceptions"}, arg...)}, limits)
	},
}

// coreCommand runs a core module.
func coreCommand(guest string) exceptionsRun {
	return func(t *testing.T, mode components.EngineConfig, limits components.Limits, arg ...string) (r ended) {
		t.Helper()
		code, err := os.ReadFile(refdata.Built(t, guest))
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr strings.Builder
		cfg := wasi.Config{Args: append([]string{guest}, arg...), Stdout: &stdout, Stderr: &stderr}
		r.code, r.err = preview1.Run(t.Context(), engine(t, mode), code, cfg, limits)
		r.stdout, r.stderr = stdout.String(), stderr.String()
		return r
	}
}

// TestExceptions compares what programs with exceptions print with what they print
// where they are compiled for this system: expected.txt of each. The C++ program
// was by another compiler (g++ 12).
func TestExceptions(t *testing.T) { exceptionsPrinted(t, compiled) }

func exceptionsPrinted(t *testing.T, mode components.EngineConfig) {
	for name, run := range exceptionsRuns {
		t.Run("C++ as a "+name, func(t *testing.T) { run.prints(t, mode, "exceptions-cpp") })
	}
	t.Run("Rust", func(t *testing.T) { coreCommand("unwind-rust").prints(t, mode, "unwind-rust") })
}

// prints checks that a program prints what is expected of src.
func (run exceptionsRun) prints(t *testing.T, mode components.EngineConfig, src string) {
	want, err := os.ReadFile(filepath.Join("src", src, "expected.txt"))
	if err != nil {
		t.Fatal(err)
	}
	// Memory has to end for one of the exceptions.
	got := run(t, mode, components.Limits{MemoryBytes: 64 << 20})
	if got.code != 0 || got.err != nil || got.stdout != string(want) {
		t.Errorf("ended with %d, %v, %q; printed\n%s\nwant\n%s", got.code, got.err, got.stderr, got.stdout, want)
	}
}

// TestExceptionsEnd has the program end in ways that nobody catches.
func TestExceptionsEnd(t *testing.T) {
	for name, run := range exceptionsRuns {
		for _, k := range []struct {
			arg    string
			limits components.Limits
			code   int
			stdout string
			err    error
			text   string
		}{
			{arg: "deeper 10000", stdout: "from below, 10001 destroyed\n"},
			{arg: "noexcept", code: 3, stdout: "terminated\n"},
			{arg: "uncaught", err: errcode.Trap, text: "uncaught exception"},
			{arg: "deeper 3000000", limits: components.Limits{StackBytes: 1 << 20}, err: errcode.Exhausted},
			{arg: "forever", limits: components.Limits{Fuel: 20_000_000}, err: errcode.Exhausted, text: "fuel"},
			{arg: "forever", limits: components.Limits{Time: 500_000_000}, err: errcode.Deadline},
		} {
			t.Run(name+"/"+k.arg, func(t *testing.T) {
				got := run(t, compiled, k.limits, strings.Fields(k.arg)...)
				if got.stdout != k.stdout || !errors.Is(got.err, k.err) || k.err == nil && got.code != k.code {
					t.Errorf("ended with %+v, want status %d, %q, %v", got, k.code, k.stdout, k.err)
				}
				if got.err != nil && !strings.Contains(got.err.Error(), k.text) {
					t.Errorf("%v, want %q in it", got.err, k.text)
				}
			})
		}
	}
}

// BenchmarkExceptions measures the program's part that throws 100,000 times from a
// function with a cleanup and returns from it as often: what one of these takes.
func BenchmarkExceptions(b *testing.B) {
	code, err := os.ReadFile(refdata.Built(b, "exceptions-core-cpp"))
	if err != nil {
		b.Fatal(err)
	}
	m, err := preview1.Compile(b.Context(), engine(b, compiled), code, components.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	const tries = 100_000
	for b.Loop() {
		if code, err := m.Run(b.Context(), wasi.Config{Args: []string{"exceptions", "many"}}); code != 0 || err != nil {
			b.Fatal(code, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tries), "ns/try")
}
