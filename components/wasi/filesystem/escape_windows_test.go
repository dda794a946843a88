package filesystem

import (
	"os"
	"testing"
)

// TestReservedNames: names that stand for devices in every folder, other
// spellings of paths, and streams beside a file's own lead nowhere.
func TestReservedNames(t *testing.T) {
	granted, secret := world(t)
	d := grant(t, granted, false)
	for _, path := range []string{
		"NUL", "nul", "CON", "con.txt", "AUX", "PRN", "COM1", "lpt9", "COM¹", "CONIN$", "CONOUT$", "sub/NUL", "NUL .txt",
		`..\secret\file`, `sub\..\..\secret\file`, `C:file`, `C:\Windows`, `\Windows`, `\\?\C:\Windows`, `\\localhost\c$`, `\??\C:\`,
		"file:stream", "file::$DATA", "sub::$INDEX_ALLOCATION/file",
	} {
		for _, how := range []bool{false, true} {
			flags, rights := create, write
			if !how {
				flags, rights = 0, read
			}
			f, err := d.OpenAt(t.Context(), follow, path, flags, rights)
			if err == nil {
				f.Drop(t.Context())
				t.Errorf("open %q, create %t: ok", path, how)
			}
		}
		wantNot(t, "mkdir "+path, d.CreateDirectoryAt(t.Context(), path), "ok")
	}
	if entries, _ := os.ReadDir(secret); len(entries) != 2 {
		t.Errorf("the secret folder holds %v", entries)
	}
}
