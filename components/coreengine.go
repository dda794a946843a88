package components

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"latticework/internal/errcode"
)

// moduleConfig is shared by all instantiations. A source of randomness is
// named because wazero seeds one of its own otherwise, which costs more than
// the rest of an instantiation, and clocks because it makes some; no guest
// reaches them.
var moduleConfig = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(noRandom{}).
	WithWalltime(func() (int64, int32) { return 0, 0 }, 1).
	WithNanotime(func() int64 { return 0 }, 1)

type noRandom struct{}

func (noRandom) Read([]byte) (int, error) {
	return 0, errcode.New(errcode.Internal, "core modules have no source of randomness")
}

// instantiateCore makes an instance of code. The engine gives each files and
// streams for an implementation of WASI of its own, 900 bytes that nobody uses:
// they are taken from it, as the engine has it for host modules.
func instantiateCore(ctx context.Context, rt wazero.Runtime, code wazero.CompiledModule) (api.Module, error) {
	mod, err := rt.InstantiateModule(ctx, code, moduleConfig)
	if err != nil {
		return nil, err
	}
	if f := systemField(reflect.TypeOf(mod)); f.index != nil {
		reflect.ValueOf(mod).Elem().FieldByIndex(f.index).SetZero()
	}
	return mod, nil
}

// engineField is where the engine's instances keep their files and streams;
// index is nil if that is not known.
type engineField struct {
	module reflect.Type
	index  []int
}

// lastSystem is that of the instances seen last: an engine has one type.
var lastSystem atomic.Pointer[engineField]

func systemField(t reflect.Type) *engineField {
	if f := lastSystem.Load(); f != nil && f.module == t {
		return f
	}
	f := &engineField{module: t}
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		if s, ok := t.Elem().FieldByName("Sys"); ok && s.IsExported() && s.Type.Kind() == reflect.Pointer {
			f.index = s.Index
		}
	}
	lastSystem.Store(f)
	return f
}
