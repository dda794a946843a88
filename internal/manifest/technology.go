package manifest

import (
	"slices"
	"strings"
)

// Scheme begins the image of a capability: lattice://keyvalue-redis.
const Scheme = "lattice://"

// Technology is a provider inside the binary, by the name in its image.
type Technology struct {
	Name string
	// Serves are the packages whose interfaces it implements: it is the
	// target of links for them.
	Serves []string
	// Calls are the packages whose interfaces it calls: it is the source of
	// links for them.
	Calls []string
	// Replaces are wasmCloud images, without tag, that stand for it.
	Replaces []string
}

// Technologies returns the providers inside the binary, by name.
func Technologies() []Technology {
	return []Technology{
		{Name: "http-client", Serves: []string{"wasi:http"}, Replaces: []string{"ghcr.io/wasmcloud/http-client"}},
		{Name: "http-server", Calls: []string{"wasi:http"}, Replaces: []string{
			"ghcr.io/wasmcloud/http-server", "wasmcloud.azurecr.io/httpserver"}},
		{Name: "keyvalue-file", Serves: []string{"wasi:keyvalue"}},
		{Name: "keyvalue-memory", Serves: []string{"wasi:keyvalue"}},
		{Name: "keyvalue-redis", Serves: []string{"wasi:keyvalue"}, Replaces: []string{
			"ghcr.io/wasmcloud/keyvalue-redis", "wasmcloud.azurecr.io/kvredis"}},
	}
}

func technologyNamed(name string) (Technology, bool) {
	for _, t := range Technologies() {
		if t.Name == name {
			return t, true
		}
	}
	return Technology{}, false
}

// technologyReplacing finds the counterpart of a wasmCloud image of any tag.
func technologyReplacing(image string) (Technology, bool) {
	repository, _, _ := strings.Cut(strings.TrimPrefix(image, "oci://"), "@")
	if slash, colon := strings.LastIndexByte(repository, '/'), strings.LastIndexByte(repository, ':'); colon > slash {
		repository = repository[:colon]
	}
	for _, t := range Technologies() {
		if slices.Contains(t.Replaces, repository) {
			return t, true
		}
	}
	return Technology{}, false
}

func technologyNames() []string {
	var names []string
	for _, t := range Technologies() {
		names = append(names, Scheme+t.Name)
	}
	return names
}
