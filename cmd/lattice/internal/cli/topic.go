package cli

import (
	"slices"
	"strings"

	"latticework/internal/grant"
	"latticework/wit"
)

// topic is what imports are about, in the user's words.
type topic struct {
	name string
	// packages are WIT packages or interfaces, without version.
	packages []string
	// grant is what it takes for the imports to reach anything; "" for nothing.
	grant grant.Kind
	// how says how to grant it: to a program, and in a manifest.
	flag, manifest string
}

// topics are in the order of reports. The first that has an interface counts.
var topics = []topic{
	{"files", []string{"wasi:filesystem"}, grant.KindDir, "--dir HOST::GUEST[:ro]", `dir: ["HOST::GUEST:ro"]`},
	{"HTTP requests", []string{"wasi:http/outgoing-handler", "wasi:http/client"}, grant.KindNet, "--net allow=https:HOST", `net: ["allow=https:HOST"]`},
	{"the HTTP handler behind it", []string{"wasi:http/handler"}, "", "", ""},
	{"HTTP messages", []string{"wasi:http"}, "", "", ""},
	{"network", []string{"wasi:sockets"}, grant.KindNet, "--net allow=tcp:HOST:PORT", `net: ["allow=tcp:HOST:PORT"]`},
	{"environment", []string{"wasi:cli/environment"}, grant.KindEnv, "--env NAME=VALUE, --arg TEXT", `env: [NAME=VALUE], arg: [TEXT]`},
	{"standard streams", []string{"wasi:cli/stdin", "wasi:cli/stdout", "wasi:cli/stderr", "wasi:cli/terminal-input", "wasi:cli/terminal-output",
		"wasi:cli/terminal-stdin", "wasi:cli/terminal-stdout", "wasi:cli/terminal-stderr", "wasi:cli/types"}, "", "", ""},
	{"exit", []string{"wasi:cli/exit"}, "", "", ""},
	{"clocks", []string{"wasi:clocks"}, "", "", ""},
	{"randomness", []string{"wasi:random"}, "", "", ""},
	{"streams and polling", []string{"wasi:io"}, "", "", ""},
	{"key-value store", []string{"wasi:keyvalue"}, "", "", ""},
	{"settings", []string{"wasi:config"}, "", "", ""},
	{"log", []string{"wasi:logging"}, "", "", ""},
}

// topicOf returns what an import is about; one that no topic has is about its
// own package.
func topicOf(name string) topic {
	bare, _ := wit.SplitVersion(name)
	pkg, _, _ := strings.Cut(bare, "/")
	for _, t := range topics {
		if slices.Contains(t.packages, bare) || slices.Contains(t.packages, pkg) {
			return t
		}
	}
	return topic{name: pkg}
}

// askView is a topic and the imports that are about it.
type askView struct {
	Topic      string   `json:"topic"`
	Interfaces []string `json:"interfaces"`
	ServedBy   string   `json:"served_by"`       // "host", "link", or "types"
	Grant      string   `json:"grant,omitempty"` // the flag of lattice run without which nothing is reached
}

// asks groups imports by topic, in the order of topics.
func asks(imports []externView) []askView {
	by := map[string]*askView{}
	var others []string
	for _, im := range imports {
		t := topicOf(im.Name)
		v := by[t.name]
		if v == nil {
			v = &askView{Topic: t.name, ServedBy: im.ServedBy, Grant: t.flag}
			by[t.name] = v
			if t.packages == nil {
				others = append(others, t.name)
			}
		}
		v.Interfaces = append(v.Interfaces, im.Name)
		if v.ServedBy == "types" {
			v.ServedBy = im.ServedBy
		}
	}
	out := []askView{}
	for _, t := range topics {
		if v := by[t.name]; v != nil {
			out = append(out, *v)
		}
	}
	for _, name := range others {
		out = append(out, *by[name])
	}
	return out
}

// holds reports whether a set grants anything of what a topic needs.
func (t topic) holds(s grant.Set) bool {
	switch t.name {
	case "files":
		return len(s.Dirs) > 0
	case "environment":
		return len(s.Env)+len(s.Args) > 0
	case "network":
		return s.Net.Any(grant.TCP | grant.UDP)
	case "HTTP requests":
		return s.Net.Connects(grant.HTTP | grant.HTTPS)
	}
	return true
}
