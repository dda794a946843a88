//go:build unix

package components

import (
	"io/fs"
	"os"
	"syscall"

	"latticework/internal/errcode"
)

// checkOwner refuses a folder of compiled code that is another user's, who
// could put code into it.
func checkOwner(dir string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return errcode.New(errcode.Denied, "cache folder %s belongs to user %d, not to user %d", dir, st.Uid, os.Geteuid()).
			WithNext("use a folder of your own: of commands, XDG_CACHE_HOME or HOME names it")
	}
	return nil
}
