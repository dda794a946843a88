// Package start measures what lies between the start of a process and its first
// answer, of programs that are built for it.
package start

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"latticework/internal/benchreport"
	"latticework/internal/refdata"
)

// build builds the programs beside this file, which need nothing of C, and
// returns their folder. They are copies, as installed programs are: the linker
// writes a file in such pieces that to map it takes 0.3 ms longer.
func build(b *testing.B) string {
	b.Helper()
	built, dir := b.TempDir(), b.TempDir()
	names := []string{"answer", "cores", "empty"}
	for _, name := range names {
		cmd := exec.CommandContext(b.Context(), "go", "build", "-o", built, "./"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		if err := install(filepath.Join(built, name), filepath.Join(dir, name)); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// install copies a program.
func install(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// untilFirst starts a program and returns the milliseconds until its output is
// there, which it writes at once. Then it waits for its end.
func untilFirst(b *testing.B, command ...string) float64 {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), command[0], command[1:]...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	var answer [512]byte
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	n, err := out.Read(answer[:])
	taken := time.Since(start)
	_, rest := io.Copy(io.Discard, out)
	if end := cmd.Wait(); n == 0 || err != nil || rest != nil || end != nil {
		b.Fatal(n, err, rest, end, problem.String())
	}
	return float64(taken.Nanoseconds()) / 1e6
}

// starlingMonkey is a guest that is made and not kept.
const starlingMonkey = "fetch-js"

func component(b *testing.B, name string) string {
	b.Helper()
	if name == starlingMonkey {
		return refdata.Built(b, name)
	}
	return filepath.Join(refdata.Dir(b, "guests/wasm"), name+".wasm")
}

// BenchmarkStart gives the time from the start of a process to a component's
// first answer, its code being in the cache on disk. Beside it, in turns, are
// the same program doing nothing, one that has wazero alone load the core
// modules, and one that is empty.
func BenchmarkStart(b *testing.B) {
	programs := build(b)
	for _, guest := range []struct {
		name   string
		goal   float64 // ms
		rounds int
	}{{"rust-http", 3, 31}, {starlingMonkey, 250, 11}} {
		name := guest.name
		b.Run(name, func(b *testing.B) {
			file, caches := component(b, name), b.TempDir()
			kinds := []struct {
				figure  benchreport.Figure
				command []string
			}{
				{benchreport.Figure{Name: "start-" + name, Op: "<=", Goal: guest.goal},
					[]string{filepath.Join(programs, "answer"), file, filepath.Join(caches, "ours")}},
				{benchreport.Figure{Name: "start-" + name + "-core-modules-in-wazero-alone"},
					[]string{filepath.Join(programs, "cores"), file, filepath.Join(caches, "wazero")}},
				{benchreport.Figure{Name: "start-of-an-idle-process"}, []string{filepath.Join(programs, "answer")}},
				{benchreport.Figure{Name: "start-of-an-empty-program"}, []string{filepath.Join(programs, "empty")}},
			}
			for _, k := range kinds {
				untilFirst(b, k.command...) // fills the caches
			}
			for b.Loop() {
				times := make([][]float64, len(kinds))
				for range guest.rounds {
					for i, k := range kinds {
						times[i] = append(times[i], untilFirst(b, k.command...))
					}
				}
				for i, k := range kinds {
					slices.Sort(times[i])
					k.figure.Value, k.figure.Unit = times[i][len(times[i])/2], "ms"
					benchreport.Record(b, k.figure)
					b.Logf("%s: fastest %.2f ms", k.figure.Name, times[i][0])
				}
			}
		})
	}
}
