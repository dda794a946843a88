package cli

import (
	"context"
	"slices"
	"strings"

	"latticework/components"
	"latticework/components/wasi/preview1"
	"latticework/internal/errcode"
)

// coreTopics are what the functions of WASI 0.1 are about, by the beginning of
// their names, with the names of topics.
var coreTopics = []struct {
	topic    string
	prefixes []string
}{
	{"files", []string{"path_", "fd_"}}, // standard streams are descriptors too
	{"network", []string{"sock_"}},
	{"environment", []string{"args_", "environ_"}},
	{"exit", []string{"proc_"}},
	{"clocks", []string{"clock_"}},
	{"randomness", []string{"random_"}},
	{"streams and polling", []string{"poll_", "sched_"}},
}

// inspectCore describes a core module: what it imports, by module, and what it
// exports. What is not of WASI 0.1 is served by nobody.
func inspectCore(ctx context.Context, v *inspection, data []byte) error {
	e, err := newEngine(ctx, codeCache(), 0)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close(context.WithoutCancel(ctx)) }()
	m, err := e.CompileModule(ctx, data)
	if err != nil {
		return errcode.New(errcode.Of(err), "read %s: %w", v.File, err)
	}
	defer func() { _ = m.Close(context.WithoutCancel(ctx)) }()
	v.Kind = "core module"
	served := map[string][]string{} // functions of WASI 0.1 by topic
	for _, f := range m.Imports() {
		by := "nobody"
		if preview1.Provides(f) {
			by = "host"
			if t := coreTopicOf(f.Name); !slices.Contains(served[t], f.Name) { // modules may import one twice
				served[t] = append(served[t], f.Name)
			}
		}
		i := slices.IndexFunc(v.Imports, func(x externView) bool { return x.Name == f.Module && x.ServedBy == by })
		if i < 0 {
			i = len(v.Imports)
			v.Imports = append(v.Imports, externView{Name: f.Module, ServedBy: by, Types: []string{}})
		}
		if fv := coreFunc(f); !slices.Contains(v.Imports[i].Functions, fv) {
			v.Imports[i].Functions = append(v.Imports[i].Functions, fv)
		}
	}
	for _, t := range topics {
		if names := served[t.name]; names != nil {
			v.Asks = append(v.Asks, askView{Topic: t.name, Interfaces: names, ServedBy: "host", Grant: coreGrant(t)})
		}
	}
	for _, f := range m.Exports() {
		v.Exports = append(v.Exports, externView{Name: f.Name, Functions: []funcView{coreFunc(f)}, Types: []string{}})
	}
	return nil
}

func coreTopicOf(function string) string {
	for _, t := range coreTopics {
		if slices.ContainsFunc(t.prefixes, func(p string) bool { return strings.HasPrefix(function, p) }) {
			return t.topic
		}
	}
	return function
}

// coreGrant is the flag for a topic: of the network WASI 0.1 opens nothing.
func coreGrant(t topic) string {
	if t.name == "network" {
		return ""
	}
	return t.flag
}

func coreFunc(f components.CoreFunc) funcView {
	var params, results []string
	for _, p := range f.Params {
		params = append(params, p.String())
	}
	for _, r := range f.Results {
		results = append(results, r.String())
	}
	text := "func(" + strings.Join(params, ", ") + ")"
	switch len(results) {
	case 0:
	case 1:
		text += " -> " + results[0]
	default:
		text += " -> (" + strings.Join(results, ", ") + ")"
	}
	return funcView{f.Name, text}
}
