package datafolder

import (
	"errors"
	"os"
)

// isFree reports whether no process holds a lock. It does not make the file.
func isFree(lock string) (bool, error) {
	if _, err := os.Stat(lock); err != nil {
		return false, err
	}
	f, err := takeLock(lock)
	if errors.Is(err, errHeld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, releaseLock(f)
}

func mkdirPrivate(dir string) error { return os.MkdirAll(dir, 0o700) }
