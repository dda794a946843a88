package main

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGeneratedFilesAreUpToDate runs every go:generate line of the repository
// that names this command and compares what it writes with what is there.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.Name() != "doc.go" {
			return nil
		}
		for _, args := range generateLines(t, path) {
			found++
			rel, _ := filepath.Rel(root, filepath.Dir(path))
			t.Run(rel, func(t *testing.T) { compare(t, filepath.Dir(path), args) })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 12 {
		t.Errorf("found %d go:generate lines, want at least the 12 contracts", found)
	}
}

// generateLines returns the arguments of each line in file that runs this
// command.
func generateLines(t *testing.T, file string) (lines [][]string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		if rest, ok := strings.CutPrefix(sc.Text(), "//go:generate go run latticework/cmd/lattice-bindgen "); ok {
			lines = append(lines, strings.Fields(rest))
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func compare(t *testing.T, dir string, args []string) {
	out := t.TempDir()
	name := ""
	for i, a := range args {
		switch a {
		case "-o":
			args[i+1] = out
		case "-name":
			name = args[i+1]
		}
	}
	t.Chdir(dir)
	if err := run(args); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(out, name+".gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(name + ".gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(want) {
		t.Errorf("%s.gen.go is not what the generator writes: run go generate in %s", name, dir)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"unknown package": {"-package", "wasi:nothing@9.9.9", "-name", "nothing", "-o", t.TempDir()},
		"bad -use":        {"-package", "wasi:io@0.2.12", "-name", "x", "-use", "wasi:io"},
		"missing folder":  {"-wit", "does-not-exist", "-name", "x"},
	} {
		if err := run(args); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
