package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

// manifestFile writes a manifest whose IMAGE is the given file.
func manifestFile(t *testing.T, text, image string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lattice.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "IMAGE", image)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// one is an application of one component with the traits given.
func one(traits string) string {
	text := "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: app}\nspec:\n  components:\n" +
		"    - name: guest\n      type: component\n      properties: {image: \"file://IMAGE\"}\n"
	if traits != "" {
		text += "      traits:\n" + traits
	}
	return text + "    - name: store\n      type: capability\n      properties: {image: \"lattice://keyvalue-memory\"}\n" +
		"    - name: web\n      type: capability\n      properties: {image: \"lattice://http-server\"}\n"
}

const keyvalueLink = "        - type: link\n          properties: {target: store, namespace: wasi, package: keyvalue, interfaces: [%]}\n"

// TestManifestsAreRefused before anything is started or sent.
func TestManifestsAreRefused(t *testing.T) {
	h := newHome(t)
	counter, err := filepath.Abs(example("counter/counter.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	core := write("core.wasm", []byte("\x00asm\x01\x00\x00\x00"))
	text := write("text.wasm", []byte("no component"))
	whole, err := os.ReadFile(counter)
	if err != nil {
		t.Fatal(err)
	}
	cut := write("cut.wasm", whole[:len(whole)/2])
	withLinks := func(items string) string { return one(strings.ReplaceAll(keyvalueLink, "%", items)) }
	for name, c := range map[string]struct {
		manifest, image string
		code            errcode.Code
		texts           []string
	}{
		"absent file":   {one(""), filepath.Join(folder, "absent.wasm"), errcode.NotFound, []string{"absent.wasm", "build the component"}},
		"core module":   {one(""), core, errcode.Unsupported, []string{"core module", "component new"}},
		"no wasm":       {one(""), text, errcode.Invalid, []string{"text.wasm"}},
		"half a file":   {one(""), cut, errcode.Invalid, []string{"cut.wasm"}},
		"no link":       {one(""), counter, errcode.Invalid, []string{"wasi:keyvalue/store@0.2.0-draft", "lattice://keyvalue-redis"}},
		"half a link":   {withLinks("store"), counter, errcode.Invalid, []string{"wasi:keyvalue/atomics@0.2.0-draft", `add "atomics" to the interfaces of the link in line`}},
		"named link":    {one(strings.ReplaceAll(keyvalueLink, "interfaces: [%]", "interfaces: [store, atomics], name: other")), counter, errcode.Invalid, []string{"wasi:keyvalue/store", `named "other"`}},
		"unknown field": {strings.Replace(withLinks("store"), "target:", "traget:", 1), counter, errcode.Invalid, []string{"traget"}},
		"no instances": {withLinks("store, atomics") + "    - name: idle\n      type: capability\n      properties: {image: \"lattice://keyvalue-memory\"}\n      traits:\n        - type: spreadscaler\n          properties: {instances: 0}\n",
			counter, errcode.Unsupported, []string{`"idle": 0 instances`, "line"}},
		"export absent": {withLinks("store, atomics") + "    - name: second\n      type: capability\n      properties: {image: \"lattice://http-server\"}\n      traits:\n        - type: link\n          properties: {target: guest, namespace: wasi, package: http, interfaces: [outgoing-handler]}\n",
			counter, errcode.Invalid, []string{"does not export wasi:http/outgoing-handler", "it exports wasi:http/incoming-handler"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := &home{t: t, dir: h.dir}
			file := manifestFile(t, c.manifest, c.image)
			h.refused(c.code, c.texts, "up", file, "--nats-listen", "127.0.0.1:0")
			h.refused(c.code, c.texts, "deploy", file, "--nats", "nats://127.0.0.1:1")
		})
	}
	h.refused(errcode.NotFound, []string{"nowhere", "check the path"}, "up", filepath.Join(folder, "nowhere"))
	h.refused(errcode.NotFound, []string{"lattice.yaml", "name a folder"}, "up", folder)
}

func TestFlagsAreRefused(t *testing.T) {
	h := newHome(t)
	for line, texts := range map[string][]string{
		"upp":                                 {`"upp"`, "lattice up"},
		"get hots":                            {`"hots"`, "lattice get hosts"},
		"get":                                 {"subcommand is missing", "components"},
		"link":                                {"subcommand is missing", "swap"},
		"up a b":                              {`"b" is too much`, "lattice up"},
		"up --jion x":                         {"jion", "--join"},
		"up --label disk":                     {"--label", "KEY=VALUE"},
		"up --join nats://a --nats-listen :1": {"exclude"},
		"up --http-listen :1":                 {"--http-listen", "manifest"},
		"up --lattice a.b":                    {"a.b"},
		"host":                                {"--join is missing", "nats://"},
		"get hosts --timeout -1s":             {"--timeout", "30s"},
		"get hosts --timeout soon":            {"soon", "--help"},
		"link swap a wasi:keyvalue":           {"--to is missing", "--to"},
		"link swap a keyvalue --to b":         {`"keyvalue"`, "wasi:keyvalue"},
		"link put a wasi:keyvalue --to b":     {"names no interface", "wasi:keyvalue/store"},
		"config put a b":                      {`"b"`, "name=value"},
		"completion tcsh":                     {"tcsh", "bash"},
		"run":                                 {"arguments: 0 < 1", "lattice run"},
		"run a.wasm b":                        {"not after --", "-- b"},
		"run a.wasm --memory lots":            {"lots", "16MiB"},
		"run a.wasm --dir ::x":                {"--dir", "/work"},
	} {
		h.refused(errcode.Invalid, texts, strings.Fields(line)...)
	}
	r := h.run("get", "hosts", "-o", "yaml")
	if r.status != 2 || !strings.Contains(r.stderr, "want text or json") {
		t.Errorf("-o yaml: status %d, %q", r.status, r.stderr)
	}
	h.refused(errcode.Unavailable, []string{"nats://127.0.0.1:1", "lattice up"}, "get", "hosts", "--nats", "nats://127.0.0.1:1")
	h.refused(errcode.Unavailable, []string{"nats://127.0.0.1:1", "lattice up"}, "host", "--join", "nats://127.0.0.1:1")
}

// TestHelp wants help with an example of every command.
func TestHelp(t *testing.T) {
	h := newHome(t)
	var walk func(path []string)
	walk = func(path []string) {
		out := h.ok(append(path, "--help")...)
		if !strings.Contains(out, "Examples:") {
			t.Errorf("lattice %s --help shows no example", strings.Join(path, " "))
		}
		if same := h.ok(append([]string{"help"}, path...)...); same != out {
			t.Errorf("lattice help %s shows\n%s\nand --help\n%s", strings.Join(path, " "), same, out)
		}
		_, list, found := strings.Cut(out, "Available Commands:\n")
		if !found {
			return
		}
		list, _, _ = strings.Cut(list, "\n\n")
		for line := range strings.SplitSeq(list, "\n") {
			if f := strings.Fields(line); len(f) > 0 {
				walk(append(path[:len(path):len(path)], f[0]))
			}
		}
	}
	walk(nil)
	if out := h.ok(); out != h.ok("help") || !strings.Contains(out, "\n  help ") {
		t.Errorf("lattice alone shows another help than lattice help, or none of help itself:\n%s", out)
	}
	if h.ok("help", "get", "host") != h.ok("get", "hosts", "--help") {
		t.Error("help knows no aliases")
	}
	for line, texts := range map[string][]string{
		"help rnu":           {`there is no command "rnu"`, "`lattice run`"},
		"help link swop":     {`lattice link: there is no command "swop"`, "`lattice link swap`"},
		"help run x":         {`lattice run: there is no command "x"`, "lattice run --help"},
		"help __complete":    {`"__complete"`, "lattice"},
		"hlep":               {`"hlep"`, "`lattice help`"},
		"help run --nothing": {"--nothing", "--help"},
	} {
		h.refused(errcode.Invalid, texts, strings.Fields(line)...)
	}
	for line, want := range map[string]string{
		"help ": "run\tRun a component as a program\n", "help li": "link\t", "help link ": "swap\t", "help link swap ": "", "help x ": "", "he": "help\t",
	} {
		args := append([]string{"__complete"}, strings.Split(line, " ")...)
		if out := h.ok(args...); !strings.Contains(out, want) || !strings.HasSuffix(out, ":4\n") || want == "" && out != ":4\n" {
			t.Errorf("completion of %q: %q, want %q", line, out, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := h.ok("completion", shell); !strings.Contains(out, "lattice") {
			t.Errorf("completion %s writes %q", shell, out)
		}
	}
}
