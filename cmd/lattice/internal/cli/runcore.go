package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/components/wasi/preview1"
	"latticework/internal/errcode"
	"latticework/wit/value"
)

// runCore runs a core module of WASI 0.1: as a command, or one of its
// exports.
func (a *app) runCore(ctx context.Context, f *runFlags, file string, data []byte, args []string, grants wasi.Config, limits components.Limits) error {
	if len(f.net) > 0 {
		return errcode.New(errcode.Unsupported, "run %s: --net: it is a core module, and WASI 0.1 has no function that opens a socket", file).
			WithNext("leave --net out, or build a component")
	}
	e, err := newEngine(ctx, codeCache(), limits.MemoryBytes)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close(context.WithoutCancel(ctx)) }()
	m, err := preview1.Compile(ctx, e, data, limits)
	if err != nil {
		return raised(errcode.New(errcode.Of(err), "run %s: %w", file, err))
	}
	defer func() { _ = m.Close(context.WithoutCancel(ctx)) }()
	if f.invoke != "" {
		return a.invokeCore(ctx, m, f.invoke, file, args, grants)
	}
	code, err := m.Run(ctx, grants)
	if err != nil {
		return stopped(ctx, file, err)
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// invokeCore calls an export with the arguments given as text and prints each
// result on a line.
func (a *app) invokeCore(ctx context.Context, m *preview1.Module, name, file string, args []string, grants wasi.Config) error {
	values, err := m.ParseArgs(name, args)
	if err != nil {
		return err
	}
	grants.Args = grants.Args[:1] // the others are the function's
	in, err := m.Open(ctx, grants)
	if err != nil {
		return stopped(ctx, file, err)
	}
	results, err := in.Call(ctx, name, values...)
	if cerr := in.Close(context.WithoutCancel(ctx)); err == nil {
		err = cerr
	}
	var exit *preview1.ExitError
	switch {
	case errors.As(err, &exit) && exit.Code == 0:
		return nil
	case errors.As(err, &exit):
		return exitCode(exit.Code)
	case err != nil:
		return stopped(ctx, file, err)
	}
	for _, v := range results {
		if _, err := fmt.Fprintln(a.Out, coreText(v)); err != nil {
			return errcode.New(errcode.Unavailable, "print result: %w", err)
		}
	}
	return nil
}

// coreText writes a core value as its argument would be written.
func coreText(v value.Value) string {
	switch v := v.(type) {
	case value.S32:
		return strconv.FormatInt(int64(v), 10)
	case value.S64:
		return strconv.FormatInt(int64(v), 10)
	case value.F32:
		return float(float64(v), 32)
	case value.F64:
		return float(float64(v), 64)
	}
	return fmt.Sprint(v)
}

func float(f float64, bits int) string {
	if math.IsNaN(f) {
		return "nan"
	}
	return strings.ToLower(strconv.FormatFloat(f, 'g', -1, bits))
}
