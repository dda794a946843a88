package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"latticework/internal/errcode"
	"latticework/lattice"
	"latticework/providers"
)

// nearest proposes the name that was probably meant, or lists what there is.
func nearest(name string, names []string) string {
	if near := providers.Closest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(names) == 0 {
		return "there is none"
	}
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("there are %s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return "there is " + strings.Join(names, ", ")
}

// linkQuery reads "wasi:keyvalue" or "wasi:keyvalue/store,atomics".
func linkQuery(source, text, name string) (lattice.LinkQuery, error) {
	pkg, list, narrowed := strings.Cut(text, "/")
	q := lattice.LinkQuery{Source: source, Name: name, Package: pkg}
	ns, rest, ok := strings.Cut(pkg, ":")
	if !ok || ns == "" || rest == "" || narrowed && list == "" || strings.Contains(text, "@") {
		return q, errcode.New(errcode.Invalid, "%q does not name a package", text).
			WithNext("write wasi:keyvalue, or wasi:keyvalue/store,atomics; without a version")
	}
	if narrowed {
		q.Interfaces = strings.Split(list, ",")
	}
	return q, nil
}

// codeCache is where commands that run beside no lattice keep compiled code;
// "" if there is no place for it.
func codeCache() string {
	root, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(root, "lattice", "code")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	return dir
}
