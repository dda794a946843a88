package manifest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"latticework/internal/errcode"
)

// fileNames are the names of a manifest in a folder. A folder holds one.
var fileNames = []string{"lattice.yaml", "lattice.yml", "wadm.yaml", "wadm.yml"}

// Load reads the manifest at path: a file, or a folder that holds one named
// lattice.yaml, lattice.yml, wadm.yaml or wadm.yml.
//
// Errors: NotFound if there is none, Invalid if a folder holds several or the
// manifest has problems (*Error), Denied if it may not be read.
func Load(path string) (*Application, error) {
	file, err := Find(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fileError(file, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	_ = f.Close() // nothing was written
	if err != nil {
		return nil, fileError(file, err)
	}
	return Parse(file, text)
}

// Find returns the file of the manifest at path, as Load would read it.
func Find(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fileError(path, err)
	}
	if !info.IsDir() {
		return path, nil
	}
	var found []string
	for _, name := range fileNames {
		if _, err := os.Stat(filepath.Join(path, name)); err == nil {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 1:
		return filepath.Join(path, found[0]), nil
	case 0:
		return "", errcode.New(errcode.NotFound, "find manifest in folder %s: no %s", path, strings.Join(fileNames, ", ")).
			WithNext("name a folder with a manifest, such as examples/counter")
	}
	return "", errcode.New(errcode.Invalid, "find manifest in folder %s: several: %s", path, strings.Join(found, ", ")).
		WithNext("name the file that you mean")
}

func fileError(path string, err error) error {
	var pathErr *fs.PathError
	cause := err
	if errors.As(err, &pathErr) {
		cause = pathErr.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errcode.New(errcode.NotFound, "read manifest %s: %w", path, cause).WithNext("check the path")
	case errors.Is(err, fs.ErrPermission):
		return errcode.New(errcode.Denied, "read manifest %s: %w", path, cause).WithNext("make the file readable")
	}
	return errcode.New(errcode.Invalid, "read manifest %s: %w", path, cause)
}
