//go:build !unix

package datafolder

import (
	"errors"
	"io/fs"
	"os"

	"latticework/internal/errcode"
)

// takeLock makes the lock's file. One that a killed process left behind has to
// be removed by hand.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, errHeld
	}
	return f, err
}

func releaseLock(f *os.File) error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// terminate asks a process to end.
func terminate(int) error {
	return errcode.New(errcode.Unsupported, "stop a process on this system").WithNext("press Ctrl-C where it runs")
}
