package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"latticework/internal/errcode"
)

func TestInspectSaysWhatIsAskedFor(t *testing.T) {
	h := newHome(t)
	var v struct {
		Asks []struct {
			Topic, Grant string
			ServedBy     string `json:"served_by"`
			Interfaces   []string
		}
	}
	h.json(&v, "inspect", example("fetch/fetch.wasm"))
	grants := map[string]string{}
	for _, q := range v.Asks {
		grants[q.Topic] = q.Grant
		for _, i := range q.Interfaces {
			if !strings.Contains(i, "@0.2.") {
				t.Errorf("%s: %s has no version", q.Topic, i)
			}
		}
	}
	if !strings.HasPrefix(grants["HTTP requests"], "--net allow=https:") || !strings.HasPrefix(grants["environment"], "--env") || len(v.Asks) != 5 {
		t.Errorf("fetch asks for %+v", v.Asks)
	}
	if _, ok := grants["files"]; ok {
		t.Error("fetch asks for files, which it does not import")
	}
	for _, c := range []struct{ file, want string }{
		{"fetch/fetch.wasm", "HTTP requests (wasi:http/outgoing-handler@0.2."},
		{"counter/counter.wasm", "key-value store (wasi:keyvalue/store@0.2.0-draft, wasi:keyvalue/atomics@0.2.0-draft); needs a link"},
		{"command-rust/command.wasm", "reaches what is granted with --dir HOST::GUEST[:ro]"},
	} {
		if out := h.ok("inspect", example(c.file)); !strings.Contains(out, c.want) {
			t.Errorf("inspect %s: %q is not in\n%s", c.file, c.want, out)
		}
	}
}

func TestExplain(t *testing.T) {
	h := newHome(t)
	app := application(t, fmt.Sprintf(`    - name: fetch
      type: component
      properties:
        image: %s
        latticework:
          grants:
            env: [LANG=C]
      traits:
        - {type: link, properties: {target: {name: out, config: [{name: rules, properties: {allow: "127.0.0.1"}}]}, namespace: wasi, package: http, interfaces: [outgoing-handler]}}
    - name: out
      type: capability
      properties: {image: "lattice://http-client"}
    - name: words
      type: component
      properties: {image: %s}
`, absolute(t, "fetch/fetch.wasm"), absolute(t, "command-rust/command.wasm"))+webPart)
	p := h.start(slices.Concat([]string{"up", app, "--http-listen", "127.0.0.1:0"}, free)...)
	p.await("ready")
	type explanation struct {
		Name, Application, State string
		Imports                  []struct {
			Name, Topic, Link, Target, Technology, State, Why string
			ServedBy                                          string `json:"served_by"`
			Config                                            []string
		}
		Grants  []struct{ Kind, Text, From string }
		Missing []struct {
			Topic, Why, Next string
			Interfaces       []string
		}
	}
	var v explanation
	h.json(&v, "explain", "fetch")
	if v.Application != "granted" || v.State != "running" || len(v.Grants) != 1 || v.Grants[0].Text != "LANG=C" || v.Grants[0].From != "lattice.yaml:12" || len(v.Missing) != 0 {
		t.Errorf("explain fetch: %+v", v)
	}
	found := map[string]string{}
	for _, im := range v.Imports {
		name, _, _ := strings.Cut(im.Name, "@")
		found[name] = strings.Join([]string{im.ServedBy, im.Target, im.Technology, im.State, strings.Join(im.Config, ",")}, " ")
		if im.Why == "" {
			t.Errorf("%s: no reason", im.Name)
		}
		if name == "wasi:cli/environment" && !strings.Contains(im.Why, "lattice.yaml:12") {
			t.Errorf("environment: %q does not say where the grant was written", im.Why)
		}
	}
	if found["wasi:http/outgoing-handler"] != "link out http-client applied rules" || found["wasi:cli/environment"] != "host    " {
		t.Errorf("imports %v", found)
	}
	h.ok("link", "delete", "fetch", "wasi:http")
	v = explanation{}
	h.json(&v, "explain", "fetch")
	if len(v.Missing) != 1 || v.Missing[0].Topic != "HTTP requests" || !strings.Contains(v.Missing[0].Next, `net: ["allow=https:HOST"]`) || !strings.Contains(v.Missing[0].Next, "lattice://http-client") {
		t.Errorf("without the link: missing %+v", v.Missing)
	}
	v = explanation{}
	h.json(&v, "explain", "words")
	var topics []string
	for _, m := range v.Missing {
		topics = append(topics, m.Topic)
		if m.Topic == "files" && (len(m.Interfaces) < 2 || !strings.Contains(m.Next, "dir: [")) {
			t.Errorf("files: %+v", m)
		}
	}
	if slices.Sort(topics); !slices.Equal(topics, []string{"environment", "files"}) {
		t.Errorf("words lacks %v, want environment and files", topics)
	}
	if out := h.ok("explain", "words"); !strings.Contains(out, "asked for, not given") || !strings.Contains(out, "next: add to its latticework.grants: dir:") {
		t.Errorf("as text:\n%s", out)
	}
	h.refused(errcode.NotFound, []string{`"fetsh"`, `did you mean "fetch"?`}, "explain", "fetsh")
	if out := h.ok("__complete", "explain", ""); !strings.Contains(out, "fetch\n") || !strings.Contains(out, "words\n") {
		t.Errorf("completion: %s", out)
	}
	for _, flag := range []string{"--net", "--env", "--dir"} {
		if out := h.ok("__complete", "run", "x.wasm", flag, ""); flag == "--net" && !strings.Contains(out, "allow=tcp:\n") || flag == "--env" && !strings.Contains(out, "PATH\n") {
			t.Errorf("completion of %s: %s", flag, out)
		}
	}
	p.stop()
}
