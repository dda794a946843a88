package cli

import (
	"context"
	"os"

	"latticework/components"
)

// newEngine returns an engine that keeps compiled code in folder. Code comes
// from others: it is compiled by a child of this binary, with limits, see
// [components.ServeCompileChild] in main. memory bounds each linear memory; 0
// means the engine's default.
func newEngine(ctx context.Context, folder string, memory uint64) (*components.Engine, error) {
	cfg := components.EngineConfig{CacheDir: folder, MemoryBytes: min(memory, components.MaxMemoryBytes)}
	if exe, err := os.Executable(); err == nil && folder != "" {
		cfg.CompileChild = &components.CompileChild{Command: []string{exe}}
	}
	return components.NewEngine(ctx, cfg)
}
