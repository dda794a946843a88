package guests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/wasi"
)

// interpreter is a language whose interpreter runs as a component, and scripts
// in it that do the same.
type interpreter struct {
	guest string
	// run are the arguments before a script's own, with the script's path.
	run func(script string) []string
	// The scripts: say prints its arguments and the variable DEMO, echo what it
	// reads of standard input in capitals (empty if it cannot), file the text of
	// /data/in.txt, write writes to /data/out.txt, fail ends with status 3, raise
	// with an exception that says "on request", loop never.
	say, echo, file, write, fail, raise, loop string
}

func withScript(path string) []string { return []string{path} }

var interpreters = []interpreter{
	{
		guest: "python", run: withScript,
		say:   "import sys, os\nprint(sys.argv[1:], os.environ.get('DEMO'), sum(range(1000)))",
		echo:  "import sys\nsys.stdout.write(sys.stdin.read().upper())",
		file:  "print(open('/data/in.txt', encoding='utf-8').read(), end='')",
		write: "open('/data/out.txt', 'w').write('written')",
		fail:  "import sys\nprint('failing', file=sys.stderr)\nsys.exit(3)",
		raise: "raise ValueError('on request')",
		loop:  "while True: pass",
	},
	{
		guest: "ruby", run: withScript,
		say:   "puts \"#{ARGV.inspect.tr('\"', \"'\")} #{ENV['DEMO']} #{(0...1000).sum}\"",
		echo:  "$stdout.write($stdin.read.upcase)",
		file:  "print File.read('/data/in.txt', encoding: 'utf-8')",
		write: "File.write('/data/out.txt', 'written')",
		fail:  "warn 'failing'\nexit 3",
		raise: "raise 'on request'",
		loop:  "loop {}",
	},
	{
		// No echo: to open php://stdin PHP duplicates a descriptor, which WASI lacks.
		guest: "php", run: func(script string) []string { return []string{"-q", script} },
		say:   "<?php $a = array_slice($argv, 1); echo '[', implode(', ', array_map(fn($s) => \"'$s'\", $a)), '] ', getenv('DEMO'), ' ', array_sum(range(0, 999)), \"\\n\";",
		file:  "<?php readfile('/data/in.txt');",
		write: "<?php file_put_contents('/data/out.txt', 'written');",
		fail:  "<?php error_log('failing'); exit(3);",
		raise: "<?php throw new Exception('on request');",
		loop:  "<?php while (true);",
	},
}

// TestInterpreters runs scripts of CPython, Ruby and PHP as components: WASI
// 0.1 programs with the preview 1 adapter, of whose exit statuses it hands on
// success and failure alone.
func TestInterpreters(t *testing.T) {
	for _, lang := range interpreters {
		t.Run(lang.guest, func(t *testing.T) { lang.test(t, built(t, compiled, lang.guest)) })
	}
}

func phpScripts(t *testing.T, mode components.EngineConfig) {
	for _, lang := range interpreters {
		if lang.guest == "php" {
			lang.test(t, built(t, mode, lang.guest))
		}
	}
}

func (lang interpreter) test(t *testing.T, c *components.Component) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.txt"), "read by a guest ß\n")
	for _, k := range []struct {
		name, script string
		args         []string
		stdin        string
		code         int
		stdout       string
		stderr       string // a part of it, or of standard output
	}{
		{"say", lang.say, []string{"a", "b c"}, "", 0, "['a', 'b c'] d 499500\n", ""},
		{"echo", lang.echo, nil, strings.Repeat("some text\n", 1000), 0, strings.Repeat("SOME TEXT\n", 1000), ""},
		{"file", lang.file, nil, "", 0, "read by a guest ß\n", ""},
		{"write", lang.write, nil, "", 0, "", ""},
		{"fail", lang.fail, nil, "", 1, "", "failing"},
		{"raise", lang.raise, nil, "", 1, "", "on request"},
	} {
		if k.script == "" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			got := execute(t, c, lang.config(t, dir, k.script, k.args, k.stdin), components.Limits{})
			if got.code != k.code || k.stderr == "" && got.stdout != k.stdout || !strings.Contains(got.stderr+got.stdout, k.stderr) {
				t.Errorf("%+v, want status %d, %.200q, %q", got, k.code, k.stdout, k.stderr)
			}
		})
	}
	if data, err := os.ReadFile(filepath.Join(dir, "out.txt")); err != nil || string(data) != "written" {
		t.Errorf("written: %q, %v", data, err)
	}
	t.Run("loop", func(t *testing.T) {
		overtime(t, c, lang.config(t, dir, lang.loop, nil, ""))
	})
	t.Run("nothing granted", func(t *testing.T) {
		got := execute(t, c, wasi.Config{Args: append([]string{lang.guest}, lang.run("/data/script")...)}, components.Limits{})
		if got.code == 0 || strings.Contains(got.stdout, "read by a guest") {
			t.Errorf("%+v, want that the script is not found", got)
		}
	})
}

// config grants dir, with a script in it, under /data.
func (lang interpreter) config(t *testing.T, dir, script string, args []string, stdin string) wasi.Config {
	t.Helper()
	write(t, filepath.Join(dir, "script"), script)
	return wasi.Config{
		Args:  append(append([]string{lang.guest}, lang.run("/data/script")...), args...),
		Stdin: strings.NewReader(stdin), Env: []wasi.EnvVar{{Name: "DEMO", Value: "d"}},
		Preopens: []wasi.Preopen{{HostDir: dir, GuestPath: "/data"}},
	}
}
