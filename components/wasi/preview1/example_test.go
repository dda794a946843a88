package preview1_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/components/wasi/preview1"
	"latticework/wit/value"
)

// Run a command: it gets a program name and standard output, nothing else, and
// has a second.
func ExampleRun() {
	ctx := context.Background()
	engine, err := components.NewEngine(ctx, components.EngineConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close(ctx)
	program, err := os.ReadFile("testdata/hello.wasm")
	if err != nil {
		log.Fatal(err)
	}
	cfg := wasi.Config{Args: []string{"hello"}, Stdout: os.Stdout}
	code, err := preview1.Run(ctx, engine, program, cfg, components.Limits{Time: time.Second})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("exit code", code)
	// Output:
	// hello from 0.1
	// exit code 0
}

// Call functions of a module that is kept: text from a command line becomes
// values by the types of the function.
func ExampleInstance_Call() {
	ctx := context.Background()
	engine, err := components.NewEngine(ctx, components.EngineConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close(ctx)
	program, err := os.ReadFile("testdata/hello.wasm")
	if err != nil {
		log.Fatal(err)
	}
	module, err := preview1.Compile(ctx, engine, program, components.Limits{MemoryBytes: 1 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer module.Close(ctx)
	instance, err := module.Open(ctx, wasi.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer instance.Close(ctx)
	args, err := module.ParseArgs("add", []string{"40", "2"})
	if err != nil {
		log.Fatal(err)
	}
	results, err := instance.Call(ctx, "add", args...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(results[0] == value.S32(42))
	// Output: true
}
