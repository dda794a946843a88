package components

import (
	"io/fs"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"latticework/internal/errcode"
)

// checkOwner refuses a folder of compiled code that is another user's, or that
// others may write to: they could put code into it. One that is empty is made
// private to the user, SYSTEM and the administrators, for folders outside of a
// user's own take over from the drive that all users may write.
func checkOwner(dir string, _ fs.FileInfo) error {
	who, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return errcode.New(errcode.Denied, "look for the owner of cache folder: %w", err)
	}
	user := who.User.Sid.String()
	owner, list, err := accessOf(dir)
	switch {
	case err != nil:
		return errcode.New(errcode.Denied, "look for the owner of cache folder %s: %w", dir, err)
	case !trusted(owner, user):
		return errcode.New(errcode.Denied, "cache folder %s belongs to %s, not to %s", dir, owner, user).
			WithNext("use a folder of your own: LocalAppData names that of commands, --data that of a host")
	}
	others := strangers(list, user)
	if len(others) == 0 {
		return nil
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		return errcode.New(errcode.Denied, "cache folder %s can be written by others: %s", dir, strings.Join(others, ", ")).
			WithNext("empty it: it is made private then")
	}
	if err := makeOwn(dir, user); err != nil {
		return errcode.New(errcode.Denied, "make cache folder private: %w", err)
	}
	return nil
}

// allowedIf is the type of an entry that allows something under a condition
// (ACCESS_ALLOWED_CALLBACK_ACE), which begins as one without.
const allowedIf = 9

// accessOf returns who owns a folder and what its access list allows, also for
// what will be made in it.
func accessOf(dir string) (owner string, list []allowance, err error) {
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return "", nil, err
	}
	sid, _, err := sd.Owner()
	if err != nil {
		return "", nil, err
	}
	dacl, _, err := sd.DACL()
	if err != nil && err != windows.ERROR_OBJECT_NOT_FOUND {
		return "", nil, err
	}
	if dacl == nil { // without a list everybody may do everything
		return sid.String(), []allowance{{"S-1-1-0", writing}}, nil
	}
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, i, &ace); err != nil {
			return "", nil, err
		}
		if t := ace.Header.AceType; t == windows.ACCESS_ALLOWED_ACE_TYPE || t == allowedIf {
			who := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
			list = append(list, allowance{who.String(), uint32(ace.Mask)})
		}
	}
	return sid.String(), list, nil
}

// makeOwn gives a folder an access list of its own.
func makeOwn(dir, user string) error {
	const full = "(A;OICI;FA;;;" // for files and folders in it, too
	sd, err := windows.SecurityDescriptorFromString("D:P" + full + user + ")" + full + "SY)" + full + "BA)")
	if err != nil {
		return err
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
}
