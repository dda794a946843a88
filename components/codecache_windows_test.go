package components

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"latticework/internal/errcode"
)

// TestOwnFolder: a folder that others may write to is made private while it is
// empty, and refused when it is not.
func TestOwnFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "code")
	if err := makePrivate(dir); err != nil {
		t.Fatal(err)
	}
	who, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	user := who.User.Sid.String()
	open := func() {
		sd, err := windows.SecurityDescriptorFromString("D:P(A;OICI;FA;;;" + user + ")(A;OICI;FA;;;WD)")
		if err != nil {
			t.Fatal(err)
		}
		dacl, _, err := sd.DACL()
		if err == nil {
			err = windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	others := func() []string {
		owner, list, err := accessOf(dir)
		if err != nil || !trusted(owner, user) {
			t.Fatalf("owner %s, %v", owner, err)
		}
		return strangers(list, user)
	}
	open()
	if o := others(); len(o) != 1 || o[0] != "S-1-1-0" {
		t.Fatalf("others are %v, want everybody", o)
	}
	file := filepath.Join(dir, "x")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(dir); !errors.Is(err, errcode.Denied) || errcode.NextOf(err) == "" {
		t.Errorf("a folder with a file that everybody may write to: %v, want denied", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(dir); err != nil {
		t.Fatal(err)
	}
	if o := others(); len(o) != 0 {
		t.Errorf("afterwards others are %v", o)
	}
}
