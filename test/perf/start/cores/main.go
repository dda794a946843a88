// Command cores is what no start of a component can do without: `cores FILE
// CACHE` has wazero alone take the core modules of the component in FILE from
// its own cache in the folder CACHE, and writes how many there are.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: cores FILE CACHE")
		os.Exit(2)
	}
	if err := load(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load(file, cache string) error {
	ctx := context.Background()
	code, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	c, err := wazero.NewCompilationCacheWithDir(cache)
	if err != nil {
		return err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCompilationCache(c))
	loaded := 0
	for at := 8; at < len(code); { // sections: an id, a length in LEB128, contents
		size, n := binary.Uvarint(code[at+1:])
		body := code[at+1+n:][:size]
		if code[at] == 1 { // a core module
			if _, err := rt.CompileModule(ctx, body); err != nil {
				return err
			}
			loaded++
		}
		at += 1 + n + int(size)
	}
	_, err = fmt.Println(loaded, "core modules")
	return err
}
