package components

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes the plan for people to read, a line an entry, each under
// its number. Names that core modules chose are quoted and their control
// characters escaped.
//
// Errors: those of w.
func (v *Plan) WriteText(w io.Writer) error {
	t := &planText{}
	if v.Refused != "" {
		t.line("cannot be linked: %s", v.Refused)
	}
	t.list("component instances", len(v.Instances), func(i int) {
		t.entry(i, "%s%s", optional("in instance ", v.Instances[i].Parent, "outermost"), flag(v.Instances[i].Async, ", async"))
	})
	t.list("core modules", len(v.Modules), func(i int) { t.module(i, &v.Modules[i]) })
	t.list("steps", len(v.Steps), func(i int) { t.step(i, &v.Steps[i]) })
	t.list("functions of the runtime", len(v.Hosts), func(i int) { t.host(i, &v.Hosts[i]) })
	t.list("memories", len(v.Memories), func(i int) { t.export(i, &v.Memories[i]) })
	t.list("core functions", len(v.Funcs), func(i int) { t.export(i, &v.Funcs[i]) })
	t.list("lifts", len(v.Lifts), func(i int) {
		l := &v.Lifts[i]
		t.entry(i, "%s: core function %d of instance %d%s", or(l.Name, "(inner)"), l.Func, l.Instance, l.Options.text())
		t.line("       %s", l.Type)
	})
	t.list("resources", len(v.Resources), func(i int) {
		r := &v.Resources[i]
		if r.Import != nil {
			t.entry(i, "%s of import %d", r.Name, *r.Import)
		} else {
			t.entry(i, "%s defined by instance %d%s", or(r.Name, "(unnamed)"), r.Instance, optional(", destructor: core function ", r.Dtor, ""))
		}
	})
	t.list("imports", len(v.Imports), func(i int) {
		t.entry(i, "%s", v.Imports[i].Name)
		for _, f := range v.Imports[i].Funcs {
			t.line("       %s", f)
		}
	})
	t.list("exports", len(v.Exports), func(i int) {
		t.entry(i, "%s", v.Exports[i].Name)
		for _, f := range v.Exports[i].Funcs {
			t.line("       %s: %s", f.Name, optional("lift ", f.Lift, "an import"))
		}
	})
	_, err := io.WriteString(w, t.String())
	return err
}

type planText struct{ strings.Builder }

func (t *planText) line(format string, args ...any) { fmt.Fprintf(&t.Builder, format+"\n", args...) }

func (t *planText) entry(i int, format string, args ...any) {
	t.line("%5d  "+format, append([]any{i}, args...)...)
}

// list writes a part of the plan; a part without entries is left out.
func (t *planText) list(title string, n int, entry func(i int)) {
	if n == 0 {
		return
	}
	if t.Len() > 0 {
		t.line("")
	}
	t.line("%s", title)
	for i := range n {
		entry(i)
	}
}

func (t *planText) module(i int, m *PlanModule) {
	memory := ""
	if m.MaxPages > 0 {
		memory = fmt.Sprintf(", memory of %d to %d pages", m.MinPages, m.MaxPages)
	}
	globals := ""
	if m.Globals > 0 {
		globals = fmt.Sprintf(", %d mutable globals", m.Globals)
	}
	t.entry(i, "%d bytes%s%s%s%s%s", m.Bytes, flag(m.Companion, ", another memory of that module"), memory, globals, flag(m.Start, ", start function"), flag(m.Resettable, ", resettable"))
}

func (t *planText) step(i int, s *PlanStep) {
	t.entry(i, "module %d in instance %d", s.Module, s.Instance)
	for _, im := range s.Imports {
		from := "nothing"
		switch {
		case im.Host != nil:
			from = fmt.Sprintf("function %d of the runtime", *im.Host)
		case im.Slot != nil:
			from = fmt.Sprintf("slot %d %q", *im.Slot, im.Export)
		}
		t.line("       %s %q %q = %s", im.Kind, im.Module, im.Name, from)
	}
}

func (t *planText) host(i int, h *PlanHost) {
	what := h.Kind
	switch {
	case h.Import == h.Func && h.Import != "":
		what += " " + h.Import
	case h.Import != "":
		what += " " + h.Import + " " + h.Func
	case h.Lift != nil:
		what += optional(" lift ", h.Lift, "")
	case h.Resource != nil:
		what += optional(" resource ", h.Resource, "")
	}
	t.entry(i, "%s for instance %d%s", what, h.Instance, h.Options.text())
	if h.Type != "" {
		t.line("       %s", h.Type)
	}
}

func (t *planText) export(i int, e *PlanExport) { t.entry(i, "slot %d %q", e.Slot, e.Name) }

// text is the options as a tail of a line; "" for none.
func (o *PlanOptions) text() string {
	if o == nil {
		return ""
	}
	return flag(o.Async, ", async") + flag(o.Encoding != "utf8", ", "+o.Encoding) +
		optional(", memory ", o.Memory, "") + optional(", realloc ", o.Realloc, "") +
		optional(", post-return ", o.PostReturn, "") + optional(", callback ", o.Callback, "")
}

// optional is a number with what stands before it, or absent without one.
func optional(before string, i *int, absent string) string {
	if i == nil {
		return absent
	}
	return fmt.Sprintf("%s%d", before, *i)
}

func flag(on bool, text string) string {
	if on {
		return text
	}
	return ""
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
