package validate

import (
	"latticework/components/internal/binary"
)

// options are the canonical options of one definition, checked by themselves.
type options struct {
	memory, realloc bool
	async, callback bool
	postReturn      *CoreType
}

// options checks d's options. f is the function type that d lifts or lowers,
// nil for a built-in.
func (v *validator) options(s *scope, d *binary.Canon, f *Type) (*options, error) {
	o := &options{}
	seen := map[binary.OptionKind]bool{}
	var encoding *binary.OptionKind
	for _, opt := range d.Options {
		if opt.Kind <= binary.OptLatin1UTF16 {
			if encoding != nil {
				return nil, invalid("canonical encoding option `%s` conflicts with option `%s`", *encoding, opt.Kind)
			}
			encoding = &opt.Kind
			continue
		}
		if seen[opt.Kind] {
			return nil, invalid("canonical option `%s` is specified more than once", opt.Kind)
		}
		seen[opt.Kind] = true
		if err := v.option(s, d, o, opt); err != nil {
			return nil, err
		}
	}
	return o, o.combine(d, f)
}

// option checks one option by itself.
func (v *validator) option(s *scope, d *binary.Canon, o *options, opt binary.CanonOption) error {
	switch opt.Kind {
	case binary.OptMemory:
		o.memory = true
		return checkMemory(s, opt.Index)
	case binary.OptRealloc:
		o.realloc = true
		return checkFunc(s, opt, i32s(4), i32s(1))
	case binary.OptPostReturn:
		if d.Kind != binary.CanonLift {
			return invalid("canonical option `post-return` cannot be specified for lowerings")
		}
		var err error
		o.postReturn, err = get(s.coreFuncs, opt.Index, "function")
		return err
	case binary.OptAsync:
		o.async = true
		return nil
	case binary.OptCallback:
		if d.Kind != binary.CanonLift {
			return invalid("canonical option `callback` cannot be specified for lowerings")
		}
		o.callback = true
		return checkFunc(s, opt, i32s(3), i32s(1))
	}
	return unsupported("canonical option `%s` is not supported", opt.Kind)
}

// checkFunc checks the signature of a function given as an option.
func checkFunc(s *scope, opt binary.CanonOption, params, results []byte) error {
	f, err := get(s.coreFuncs, opt.Index, "function")
	if err == nil && !f.is(params, results) {
		return invalid("canonical option `%s` uses a core function with an incorrect signature: %s", opt.Kind, f.text())
	}
	return err
}

func checkMemory(s *scope, i uint32) error {
	m, err := get(s.coreMemories, i, "memory")
	if err == nil && m.Extern.Limits.Is64 {
		return unsupported("canonical option `memory`: 64-bit memories are not supported")
	}
	if err == nil && m.Extern.Limits.PageLog2 != 16 {
		return unsupported("canonical option `memory`: pages of 2^%d bytes are not supported", m.Extern.Limits.PageLog2)
	}
	if err == nil && m.Extern.Limits.Shared {
		return invalid("canonical option `memory`: mismatch in the shared flag for memories")
	}
	return err
}

// combine checks options against each other and against f.
func (o *options) combine(d *binary.Canon, f *Type) error {
	switch {
	case o.realloc && !o.memory:
		return invalid("canonical option `realloc` requires `memory` to also be specified")
	case o.callback && !o.async:
		return invalid("cannot specify callback without async")
	case o.postReturn != nil && o.async:
		return invalid("cannot specify post-return function in async")
	case o.async && f != nil && !f.Async:
		return invalid("the `async` canonical option requires an async function type")
	}
	return nil
}

// require checks that the options that are needed are there. A need for
// realloc implies one for memory.
func (o *options) require(memory, realloc bool) error {
	if (memory || realloc) && !o.memory {
		return invalid("canonical option `memory` is required")
	}
	if realloc && !o.realloc {
		return invalid("canonical option `realloc` is required")
	}
	return nil
}
