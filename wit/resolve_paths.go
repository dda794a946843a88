package wit

// pathUse is a path in the source with the place where it stands.
type pathUse struct {
	usePath
	// inside is the interface or world that cannot be resolved before what
	// the path names: the interface around a `use`, the world around an
	// `include`; "" elsewhere.
	inside string
}

// paths calls f for every path in a file, in the order in which they are
// resolved: in a world, imports come before exports.
func (a *astPackage) paths(f func(pathUse) error) error {
	for _, item := range a.items {
		var err error
		switch {
		case item.use != nil:
			err = f(pathUse{item.use.path, ""})
		case item.iface != nil:
			err = usePaths(item.iface.items, item.iface.name.name, f)
		default:
			err = item.world.paths(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func usePaths(items []interfaceItem, inside string, f func(pathUse) error) error {
	for _, item := range items {
		if item.use == nil {
			continue
		}
		if err := f(pathUse{item.use.path, inside}); err != nil {
			return err
		}
	}
	return nil
}

func (w *astWorld) paths(f func(pathUse) error) error {
	for _, item := range w.items {
		var err error
		switch {
		case item.use != nil:
			err = f(pathUse{item.use.path, ""})
		case item.include != nil:
			err = f(pathUse{item.include.path, w.name.name})
		}
		if err != nil {
			return err
		}
	}
	for _, export := range []bool{false, true} {
		for _, item := range w.items {
			x := item.extern
			if x == nil || x.export != export {
				continue
			}
			var err error
			switch {
			case x.inline:
				err = usePaths(x.items, "", f)
			case x.fn == nil:
				err = f(pathUse{x.path, ""})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// deps returns one path to each foreign package, the first one.
func (u *unit) deps() []usePath {
	var deps []usePath
	seen := map[PackageName]bool{}
	for _, file := range u.files {
		_ = file.paths(func(p pathUse) error { // the function never fails
			if p.foreign && !seen[p.pkg] {
				seen[p.pkg] = true
				deps = append(deps, p.usePath)
			}
			return nil
		})
	}
	return deps
}
