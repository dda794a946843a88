package components

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBinaryMark: programs that differ in what the linker notes at their
// beginning alone, or in their versions, have marks of their own.
func TestBinaryMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	mark := func(id, made string) string {
		t.Helper()
		text := strings.Repeat("a", 3000) + id + strings.Repeat("b", 3*markHead)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return markOf(f, path, func() string { return made })
	}
	one := mark("1", "v1")
	if again := mark("1", "v1"); again != one {
		t.Errorf("one program has the marks %s and %s", one, again)
	}
	if other := mark("2", "v1"); other == one {
		t.Errorf("another build of the same size and time has the same mark %s", one)
	}
	if other := mark("1", "v2"); other == one {
		t.Errorf("a build of another version has the same mark %s", one)
	}
	const note = "\x53\x00\x00\x00\x04\x00\x00\x00Go\x00\x00digest"
	if one, other := mark(note+"1", "v1"), mark(note+"2", "v1"); one == other {
		t.Errorf("builds with other digests have the same mark %s", one)
	}
	if one, other := mark(note, "v1"), mark(note, "v2"); one != other {
		t.Error("versions are looked at beside a digest of the build")
	}
	if mark := binaryMark(); mark == unknownBinary || mark != binaryMark() {
		t.Errorf("this program has the mark %s, then %s", mark, binaryMark())
	}
}
