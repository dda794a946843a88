package plan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"latticework/components/internal/binary"
	"latticework/components/internal/validate"
	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
	"latticework/internal/refdata"
)

// FuzzBuild checks that planning what is valid ends in time with a plan whose
// numbers are within it, or a typed answer.
func FuzzBuild(f *testing.F) {
	dir := refdata.Dir(f, "conformance/component-model")
	b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		f.Fatal(err)
	}
	var m struct {
		Files []struct{ Cases []struct{ Kind, Wasm string } }
	}
	if err := json.Unmarshal(b, &m); err != nil {
		f.Fatal(err)
	}
	for _, file := range m.Files {
		for _, c := range file.Cases {
			if data, err := os.ReadFile(filepath.Join(dir, c.Wasm)); err == nil && len(data) < 8<<10 && c.Kind != "assert-malformed" {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzbound.Run(t, func() {
			c, err := binary.Decode(data, binary.Limits{})
			if err != nil || validate.Validate(c, data) != nil {
				return
			}
			p, err := Build(c, data, Config{})
			switch errcode.Of(err) {
			case "":
				inBounds(t, p)
			case errcode.Invalid, errcode.Exhausted, errcode.Unsupported, errcode.Trap:
			default:
				t.Fatalf("error code %q: %v", errcode.Of(err), err)
			}
		})
	})
}

// inBounds checks that what p refers to is there, and that a step uses the
// slots before it alone.
func inBounds(t *testing.T, p *Plan) {
	if p.Refuse != nil {
		return // incomplete
	}
	check := func(what string, i, from, to int) {
		if i < from || i >= to {
			t.Fatalf("%s %d, want %d to %d", what, i, from, to-1)
		}
	}
	options := func(o Options) {
		check("memory", o.Memory, -1, len(p.Memories))
		for _, f := range []int{o.Realloc, o.PostReturn, o.Callback} {
			check("function", f, -1, len(p.Funcs))
		}
	}
	for i, s := range p.Steps {
		check("module", s.Module, 0, len(p.Modules))
		check("instance", s.Instance, 0, len(p.Parents))
		for _, slot := range s.Groups {
			check("slot", slot, HostSlot, i)
		}
	}
	for _, ref := range append(p.Memories, p.Funcs...) {
		check("slot", ref.Slot, HostSlot, len(p.Steps))
	}
	for i, parent := range p.Parents {
		check("parent", parent, -1, max(i, 1))
	}
	for _, l := range p.Lifts {
		check("function", l.Core, 0, len(p.Funcs))
		check("instance", l.Instance, 0, len(p.Parents))
		options(l.Options)
	}
	for _, h := range p.Hosts {
		check("instance", h.Instance, 0, len(p.Parents))
		switch h.Kind {
		case HostImport, HostFused, HostBuiltin:
			options(h.Options)
		}
		switch h.Kind {
		case HostImport:
			check("import", h.Import, 0, len(p.Imports))
			check("function", h.Func, 0, len(p.Imports[h.Import].Funcs))
		case HostFused:
			check("lift", h.Lift, 0, len(p.Lifts))
		case HostResourceNew, HostResourceDrop, HostResourceRep:
			check("resource", h.Resource, 0, len(p.Resources))
		}
	}
	for _, r := range p.Resources {
		check("import", r.Import, -1, len(p.Imports))
		check("instance", r.Instance, -1, len(p.Parents))
		check("destructor", r.Dtor, -1, len(p.Funcs))
	}
	for _, ex := range p.Exports {
		for _, f := range ex.Funcs {
			check("lift", f.Lift, -1, len(p.Lifts))
		}
	}
}
