package components_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"latticework/components"
	"latticework/components/wasi"
	"latticework/providers/config"
)

// A component is compiled once, linked with what it may use, and called by
// name with text.
func Example() {
	ctx := context.Background()
	engine, err := components.NewEngine(ctx, components.EngineConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close(ctx)
	code, err := os.ReadFile("../examples/command-c/command.wasm")
	if err != nil {
		log.Fatal(err)
	}
	component, err := engine.Compile(ctx, code)
	if err != nil {
		log.Fatal(err)
	}
	given, err := wasi.Interfaces(wasi.Config{Args: []string{"command", "hello"}, Stdout: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	template, err := component.Link(components.LinkConfig{Interfaces: given, Limits: components.Limits{MemoryBytes: 16 << 20}})
	if err != nil {
		log.Fatal(err)
	}
	instance, err := template.Acquire(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer instance.Release(ctx)
	fmt.Println(instance.CallText(ctx, "wasi:cli/run.run()"))
	// Output:
	// argument 1: hello
	// ok <nil>
}

// An import that nothing satisfies is refused when the component is linked,
// by its name.
func ExampleComponent_Link() {
	ctx := context.Background()
	engine, err := components.NewEngine(ctx, components.EngineConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close(ctx)
	code, err := os.ReadFile("../examples/counter/counter.wasm")
	if err != nil {
		log.Fatal(err)
	}
	component, err := engine.Compile(ctx, code)
	if err != nil {
		log.Fatal(err)
	}
	_, err = component.Link(components.LinkConfig{Interfaces: config.NewValues(nil).Interfaces()})
	fmt.Println(err)
	// Output:
	// link import "wasi:io/poll@0.2.4": nothing provides it
}
