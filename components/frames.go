package components

import (
	"fmt"
	"strconv"
	"strings"

	"latticework/components/internal/corewasm"
	"latticework/components/internal/plan"
)

// namer names the functions in the engine's stack traces.
type namer struct {
	modules []*corewasm.Names
	// host describes function i of the host module.
	host func(i int) string
}

// maxFrames bounds a Trap's stack: the engine gives 30 frames of each of the calls
// inside one another.
const maxFrames = 100

// frames makes a Trap's stack of the engine's stack trace, a line a frame such
// as "m0.$12(i32,i32) i32".
func (n *namer) frames(trace string) []string {
	trace, _, _ = strings.Cut(trace, "Go runtime stack trace:")
	var out []string
	for line := range strings.Lines(trace) {
		line = strings.TrimSuffix(strings.TrimSpace(line), " (recovered by wazero)")
		if line == "" || line == strings.TrimSpace(stackHeader) { // of a call inside another
			continue
		}
		if line = n.frame(line); line == "" {
			continue
		}
		if len(out) == maxFrames {
			return append(out, "... and more")
		}
		out = append(out, line)
	}
	return out
}

// frame describes one line; "" for the refilling of fuel.
func (n *namer) frame(line string) string {
	head, _, _ := strings.Cut(line, "(")
	module, fn, ok := strings.Cut(head, ".")
	if !ok {
		return line
	}
	if module == plan.HostModule {
		i, err := strconv.Atoi(fn)
		if err != nil {
			return ""
		}
		return n.host(i) + " (host)"
	}
	m, merr := strconv.Atoi(strings.TrimPrefix(module, "m"))
	i, ierr := strconv.ParseUint(strings.TrimPrefix(fn, "$"), 10, 32)
	if merr != nil || ierr != nil || m >= len(n.modules) {
		return line
	}
	name, index := n.modules[m].Func(uint32(i))
	if name == "" {
		return fmt.Sprintf("function %d (core module %d)", index, m)
	}
	return fmt.Sprintf("%s (core module %d, function %d)", name, m, index)
}

// namer names the functions of the component's core modules.
func (c *Component) namer() *namer {
	n := &namer{host: c.hostName}
	for i := range c.plan.Modules {
		n.modules = append(n.modules, c.plan.Modules[i].Names)
	}
	return n
}

// hostName describes host function i.
func (c *Component) hostName(i int) string {
	if i >= len(c.plan.Hosts) {
		return strconv.Itoa(i)
	}
	switch h := &c.plan.Hosts[i]; h.Kind {
	case plan.HostImport:
		im := &c.plan.Imports[h.Import]
		if im.Plain {
			return im.Name
		}
		return im.Name + " " + im.Funcs[h.Func].Name
	case plan.HostFused, plan.HostReenter:
		if name := c.plan.Lifts[h.Lift].Name; name != "" {
			return name
		}
		return "a function of another component"
	case plan.HostBuiltin:
		return h.Canon.String()
	}
	return "a resource's built-in"
}
