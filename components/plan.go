package components

import (
	"strconv"

	"latticework/components/internal/binary"
	"latticework/components/internal/corewasm"
	"latticework/components/internal/plan"
	"latticework/wit"
)

// Plan describes the steps by which a component is linked and instantiated:
// nested components, aliases and bundles of exports are followed, and what is
// left are numbered slots. Numbers are indices in the plan's own lists.
type Plan struct {
	// Instances are the component instances; 0 is the outermost.
	Instances []PlanInstance `json:"instances"`
	// Modules are the distinct core modules.
	Modules []PlanModule `json:"modules"`
	// Steps instantiate core modules, in order; step i fills slot i.
	Steps []PlanStep `json:"steps"`
	// Hosts are the functions that the runtime gives to core modules.
	Hosts []PlanHost `json:"hosts"`
	// Memories and Funcs are what the runtime takes from slots.
	Memories []PlanExport `json:"memories"`
	Funcs    []PlanExport `json:"funcs"`
	// Lifts are the component functions made of core functions.
	Lifts     []PlanLift     `json:"lifts"`
	Resources []PlanResource `json:"resources"`
	Imports   []PlanImport   `json:"imports"`
	Exports   []PlanOffer    `json:"exports"`
	// Refused is why the component cannot be linked though it is valid; the
	// rest is incomplete then.
	Refused string `json:"refused,omitempty"`
}

// PlanInstance is a component instance. Parent is nil for the outermost. Async
// says that it uses the asynchronous ABI.
type PlanInstance struct {
	Parent *int `json:"parent,omitempty"`
	Async  bool `json:"async,omitempty"`
}

// PlanModule is a core module. Pages are of 64 KiB, of the memory that it
// defines; both are 0 without one. Resettable says that a used instance can be
// set back in place, Companion that it holds another memory of the module of
// Bytes bytes.
type PlanModule struct {
	Bytes      int    `json:"bytes"`
	MinPages   uint32 `json:"min_pages,omitempty"`
	MaxPages   uint32 `json:"max_pages,omitempty"`
	Start      bool   `json:"start,omitempty"`
	Globals    int    `json:"globals,omitempty"`
	Resettable bool   `json:"resettable"`
	Companion  bool   `json:"companion,omitempty"`
}

// PlanStep instantiates Module in component instance Instance.
type PlanStep struct {
	Module   int          `json:"module"`
	Instance int          `json:"instance"`
	Imports  []PlanSource `json:"imports,omitempty"`
}

// PlanSource is an import of a core module, Module and Name as the module has
// them, and where it is taken from: function Host of the runtime, or export
// Export of slot Slot.
type PlanSource struct {
	Module string `json:"module"`
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Host   *int   `json:"host,omitempty"`
	Slot   *int   `json:"slot,omitempty"`
	Export string `json:"export,omitempty"`
}

// PlanHost is a function of the runtime that core modules import. Kind is
// "lower" for an import of the component, "fused" for a function lifted from
// another instance, "trap" for a call that may not be, or the name of a
// built-in such as "resource.drop".
type PlanHost struct {
	Kind     string       `json:"kind"`
	Instance int          `json:"instance"`
	Import   string       `json:"import,omitempty"`
	Func     string       `json:"func,omitempty"`
	Lift     *int         `json:"lift,omitempty"`
	Resource *int         `json:"resource,omitempty"`
	Type     string       `json:"type,omitempty"`
	Options  *PlanOptions `json:"options,omitempty"`
}

// PlanOptions are canonical options. Memory is an index in Memories, the
// others are in Funcs; what is absent is nil.
type PlanOptions struct {
	Encoding   string `json:"encoding"`
	Memory     *int   `json:"memory,omitempty"`
	Realloc    *int   `json:"realloc,omitempty"`
	PostReturn *int   `json:"post_return,omitempty"`
	Callback   *int   `json:"callback,omitempty"`
	Async      bool   `json:"async,omitempty"`
}

// PlanExport is an export of a slot.
type PlanExport struct {
	Slot int    `json:"slot"`
	Name string `json:"name"`
}

// PlanLift is a component function made of core function Func.
type PlanLift struct {
	Name     string      `json:"name,omitempty"`
	Func     int         `json:"func"`
	Instance int         `json:"instance"`
	Type     string      `json:"type"`
	Options  PlanOptions `json:"options"`
}

// PlanResource is a resource type: of import Import, or defined by component
// instance Instance with destructor Dtor, if it has one.
type PlanResource struct {
	Name     string `json:"name"`
	Import   *int   `json:"import,omitempty"`
	Instance int    `json:"instance"`
	Dtor     *int   `json:"dtor,omitempty"`
}

// PlanImport is an import of the component and its functions' names.
type PlanImport struct {
	Name  string   `json:"name"`
	Funcs []string `json:"funcs,omitempty"`
}

// PlanOffer is an export of the component.
type PlanOffer struct {
	Name  string          `json:"name"`
	Funcs []PlanOfferFunc `json:"funcs,omitempty"`
}

// PlanOfferFunc is a function of an export: lift Lift, or nil if an import is
// exported as it is.
type PlanOfferFunc struct {
	Name string `json:"name"`
	Lift *int   `json:"lift,omitempty"`
}

// Plan returns the plan of a component given as bytes, without compiling it.
//
// Errors: those of [Engine.Compile] but ErrClosed.
func (e *Engine) Plan(data []byte) (*Plan, error) {
	p, err := e.plan(data, e.planConfig(data, e.cfg.MemoryBytes, e.store))
	if err != nil {
		return nil, err
	}
	v := &Plan{Modules: make([]PlanModule, len(p.Modules)), Steps: make([]PlanStep, len(p.Steps))}
	if p.Refuse != nil {
		v.Refused = p.Refuse.Error()
	}
	for i, parent := range p.Parents {
		v.Instances = append(v.Instances, PlanInstance{Parent: index(parent), Async: p.Async[i]})
	}
	for i := range p.Modules {
		m := &p.Modules[i]
		v.Modules[i] = PlanModule{Bytes: m.Origin.End - m.Origin.Start, Start: m.Start != "", Globals: len(m.Globals), Resettable: m.Resettable, Companion: m.Companion}
		if m.Memory != nil {
			v.Modules[i].MinPages, v.Modules[i].MaxPages = m.Memory.MinPages, m.Memory.MaxPages
		}
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		v.Steps[i] = PlanStep{Module: s.Module, Instance: s.Instance}
		if v.Steps[i].Imports, err = planSources(&p.Modules[s.Module], s, data); err != nil {
			return nil, err
		}
	}
	v.Memories, v.Funcs = planExports(p.Memories), planExports(p.Funcs)
	v.functions(p)
	v.externs(p)
	return v, nil
}

// planSources reads the imports of a module before and after rewriting: they
// are in one order, and the runtime's own come last.
func planSources(m *plan.Module, s *plan.Step, data []byte) ([]PlanSource, error) {
	after, err := corewasm.Scan(m.Code.Any(), corewasm.Limits{})
	if err != nil {
		return nil, err
	}
	before := after
	if !m.Companion {
		if before, err = corewasm.Scan(data[m.Origin.Start:m.Origin.End], corewasm.Limits{}); err != nil {
			return nil, err
		}
	}
	out := make([]PlanSource, 0, len(before.Imports))
	memories, next := 0, 0
	for _, im := range before.Imports {
		from := PlanSource{Module: im.Module, Name: im.Name, Kind: im.Kind.String()}
		if im.Kind == corewasm.KindMemory {
			if memories++; memories > 1 {
				from.Slot, from.Export = index(s.Companions[memories-2]), corewasm.CompanionMemory
				out = append(out, from)
				continue
			}
		}
		to := after.Imports[next]
		next++
		if m.Companion && to.Module == plan.HostModule {
			continue
		}
		if g, ok := corewasm.ParseGroup(to.Module); ok {
			from.Slot, from.Export = index(s.Groups[g]), to.Name
		} else if k, err := strconv.Atoi(to.Name); err == nil {
			from.Host = index(k)
		}
		out = append(out, from)
	}
	return out, nil
}

func planExports(refs []plan.CoreRef) []PlanExport {
	out := make([]PlanExport, len(refs))
	for i, r := range refs {
		out[i] = PlanExport(r)
	}
	return out
}

// functions describes the host functions and the lifts.
func (v *Plan) functions(p *plan.Plan) {
	v.Hosts, v.Lifts = make([]PlanHost, len(p.Hosts)), make([]PlanLift, len(p.Lifts))
	for i := range p.Hosts {
		h := &p.Hosts[i]
		d := PlanHost{Instance: h.Instance}
		if h.Type != nil {
			d.Type = wit.PrintFunc(h.Type)
		}
		switch h.Kind {
		case plan.HostImport:
			im := &p.Imports[h.Import]
			d.Kind, d.Import, d.Func = "lower", im.Name, im.Funcs[h.Func].Name
		case plan.HostFused:
			d.Kind, d.Lift = "fused", index(h.Lift)
		case plan.HostReenter:
			d.Kind, d.Lift = "trap", index(h.Lift)
		case plan.HostResourceNew, plan.HostResourceDrop, plan.HostResourceRep:
			d.Kind = [...]string{"resource.new", "resource.drop", "resource.rep"}[h.Kind-plan.HostResourceNew]
			d.Resource = index(h.Resource)
		case plan.HostBuiltin:
			d.Kind = h.Canon.String()
		}
		if h.Type != nil || h.Options.Memory >= 0 && h.Kind == plan.HostBuiltin {
			d.Options = planOptions(&h.Options)
		}
		v.Hosts[i] = d
	}
	for i := range p.Lifts {
		l := &p.Lifts[i]
		v.Lifts[i] = PlanLift{Name: l.Name, Func: l.Core, Instance: l.Instance, Type: wit.PrintFunc(l.Type), Options: *planOptions(&l.Options)}
	}
}

// externs describes what the component asks for and offers.
func (v *Plan) externs(p *plan.Plan) {
	v.Resources, v.Imports, v.Exports = make([]PlanResource, len(p.Resources)), make([]PlanImport, len(p.Imports)), make([]PlanOffer, len(p.Exports))
	for i, r := range p.Resources {
		v.Resources[i] = PlanResource{Name: r.Type.Name, Import: index(r.Import), Instance: r.Instance, Dtor: index(r.Dtor)}
	}
	for i, im := range p.Imports {
		v.Imports[i].Name = im.Name
		for _, f := range im.Funcs {
			v.Imports[i].Funcs = append(v.Imports[i].Funcs, f.Name)
		}
	}
	for i, ex := range p.Exports {
		v.Exports[i].Name = ex.Name
		for _, f := range ex.Funcs {
			v.Exports[i].Funcs = append(v.Exports[i].Funcs, PlanOfferFunc{Name: f.Name, Lift: index(f.Lift)})
		}
	}
}

func planOptions(o *plan.Options) *PlanOptions {
	encoding := o.Encoding
	if encoding != binary.OptUTF16 && encoding != binary.OptLatin1UTF16 {
		encoding = binary.OptUTF8
	}
	return &PlanOptions{Encoding: encoding.String(), Memory: index(o.Memory), Realloc: index(o.Realloc),
		PostReturn: index(o.PostReturn), Callback: index(o.Callback), Async: o.Async}
}

// index is i, or nil for what is absent.
func index(i int) *int {
	if i < 0 {
		return nil
	}
	return &i
}
