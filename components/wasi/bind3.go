package wasi

import (
	"latticework/components/wasi/bindings/wasicli3"
	"latticework/components/wasi/bindings/wasiclocks3"
	"latticework/components/wasi/bindings/wasifilesystem3"
	"latticework/components/wasi/bindings/wasirandom3"
	"latticework/components/wasi/cli"
	"latticework/components/wasi/clocks"
	"latticework/components/wasi/filesystem"
	"latticework/components/wasi/random"
)

// bind3 binds the interfaces of WASI 0.3 to what those of 0.2 are bound to.
func (s *System) bind3(cfg Config, env *cli.Environment, stdio *cli.Stdio, insecure *random.Insecure) {
	streams := cli.NewStdio3(stdio, s.group)
	terminals := cli.Terminals3(cfg.Terminals)
	files := filesystem.System3{System: s.files}
	s.bind(
		wasicli3.BindEnvironment(env),
		wasicli3.BindExit(cli.Exit{}),
		wasicli3.BindStdin(cli.Stdin3{Stdio3: streams}),
		wasicli3.BindStdout(cli.Stdout3{Stdio3: streams}),
		wasicli3.BindStderr(cli.Stderr3{Stdio3: streams}),
		wasicli3.BindTerminalInput(terminals),
		wasicli3.BindTerminalOutput(terminals),
		wasicli3.BindTerminalStdin(terminals),
		wasicli3.BindTerminalStdout(terminals),
		wasicli3.BindTerminalStderr(terminals),
		clocks.NewMonotonic3(cfg.Clock).Bind(),
		wasiclocks3.BindSystemClock(clocks.NewSystem3(cfg.Clock)),
		wasiclocks3.BindTimezone(clocks.NewTimezone3(cfg.Timezone)),
		wasirandom3.BindRandom(random.NewSecure(cfg.Random)),
		wasirandom3.BindInsecure(insecure),
		wasirandom3.BindInsecureSeed(insecure),
		wasifilesystem3.BindTypes(files),
		wasifilesystem3.BindPreopens(files),
	)
}
