package binary

import (
	"latticework/internal/errcode"
)

// The first eight bytes of a component and of a core module.
const (
	magic            = "\x00asm"
	componentVersion = "\x0d\x00\x01\x00"
	moduleVersion    = "\x01\x00\x00\x00"
)

// Section ids.
const (
	secCustom = iota
	secCoreModule
	secCoreInstance
	secCoreType
	secComponent
	secInstance
	secAlias
	secType
	secCanon
	secStart
	secImport
	secExport
	secValue
)

var sectionNames = [...]string{
	"custom section", "core module", "core instance section", "core type section",
	"component", "instance section", "alias section", "type section", "canon section",
	"start section", "import section", "export section", "value section",
}

// IsComponent reports whether data begins as a component does, as opposed to
// a core module or anything else.
func IsComponent(data []byte) bool {
	return len(data) >= 8 && string(data[:4]) == magic && string(data[4:8]) == componentVersion
}

// Decode reads a component. The result holds offsets into data but no part of
// it. Core modules inside are located, not read.
//
// Errors:
//   - errcode.Invalid if data is not a well-formed component; the message
//     says what was being decoded and the offset.
//   - errcode.Exhausted if a limit is hit.
func Decode(data []byte, limits Limits) (*Component, error) {
	limits = limits.withDefaults()
	if len(data) > limits.Input {
		return nil, errcode.New(errcode.Exhausted, "decode component: %d bytes > %d", len(data), limits.Input)
	}
	r := &reader{data: data, end: len(data), b: &budget{limits: limits, max: limits.Items}}
	d := &decoder{reader: r}
	c := d.component()
	if d.err != nil {
		return nil, d.err
	}
	return c, nil
}

// decoder reads definitions; depth counts the scopes around the current one.
type decoder struct {
	*reader
	depth int
}

// enter counts a nested scope. The caller leaves it by d.depth--.
func (d *decoder) enter(what string) {
	d.depth++
	if d.depth > d.b.limits.Depth {
		d.exhaust(d.pos, "nesting of "+what, d.depth, d.b.limits.Depth)
	}
}

// component reads a component that fills what d's reader has left.
func (d *decoder) component() *Component {
	c := &Component{Start: d.pos, End: d.end}
	d.preamble()
	for d.err == nil && d.left() > 0 {
		d.section(c)
	}
	return c
}

func (d *decoder) preamble() {
	at := d.pos
	b := d.bytes(8, "component preamble")
	if d.err != nil {
		return
	}
	switch {
	case string(b[:4]) != magic:
		d.fail(at, "component preamble", "magic header not detected")
	case string(b[4:]) == moduleVersion:
		d.fail(at+4, "component preamble", "expected a version header for a component, found a core module's")
	case string(b[4:]) != componentVersion:
		d.fail(at+4, "component preamble", "unknown binary version % x", b[4:])
	}
}

func (d *decoder) section(c *Component) {
	at := d.pos
	id := d.byte("section id")
	if int(id) >= len(sectionNames) {
		d.fail(at, "section id", "malformed section id %#x", id)
		return
	}
	what := sectionNames[id]
	size := d.length(what)
	if d.err != nil {
		return
	}
	if size > d.left() {
		d.fail(at, what, "unexpected end-of-file: section of %d bytes, %d left", size, d.left())
		return
	}
	outer := d.reader
	d.reader = outer.sub(size)
	d.contents(c, id)
	if d.err == nil && d.left() > 0 {
		d.fail(d.pos, what, "unexpected content: %d bytes after the last item", d.left())
	}
	outer.err = d.err
	d.reader = outer
}

func (d *decoder) contents(c *Component, id byte) {
	switch id {
	case secCustom:
		add(d, c, d.custom)
	case secCoreModule:
		add(d, c, d.coreModule)
	case secCoreInstance:
		addVec(d, c, d.coreInstance)
	case secCoreType:
		addVec(d, c, d.coreType)
	case secComponent:
		add(d, c, d.nested)
	case secInstance:
		addVec(d, c, d.instance)
	case secAlias:
		addVec(d, c, d.alias)
	case secType:
		addVec(d, c, d.typeDef)
	case secCanon:
		addVec(d, c, d.canon)
	case secStart:
		add(d, c, d.start)
	case secImport:
		addVec(d, c, d.importDef)
	case secExport:
		addVec(d, c, d.export)
	case secValue:
		addVec(d, c, d.value)
	}
}

// add appends one item; it costs one of the budget.
func add[T Item](d *decoder, c *Component, read func() T) {
	if d.charge(d.pos, 1) {
		addItem(d, c, read)
	}
}

func addItem[T Item](d *decoder, c *Component, read func() T) {
	at := d.pos
	v := read()
	if d.err == nil {
		c.Defs = append(c.Defs, Def{Offset: at, Item: v})
	}
}

func addVec[T Item](d *decoder, c *Component, read func() T) {
	for n := d.count("section"); n > 0 && d.err == nil; n-- {
		addItem(d, c, read)
	}
}

func (d *decoder) custom() *Custom {
	c := &Custom{Name: d.name("custom section name"), Start: d.pos, End: d.end}
	d.pos = d.end
	return c
}

func (d *decoder) coreModule() *CoreModule {
	m := &CoreModule{Start: d.pos, End: d.end}
	modulePreamble(d.reader)
	d.pos = d.end
	return m
}

func modulePreamble(r *reader) {
	at := r.pos
	b := r.bytes(8, "core module preamble")
	if r.err != nil {
		return
	}
	switch {
	case string(b[:4]) != magic:
		r.fail(at, "core module preamble", "magic header not detected")
	case string(b[4:]) == componentVersion:
		r.fail(at+4, "core module preamble", "expected a version header for a module, found a component's")
	case string(b[4:]) != moduleVersion:
		r.fail(at+4, "core module preamble", "unknown binary version % x", b[4:])
	}
}

func (d *decoder) nested() *Component {
	d.enter("components")
	defer func() { d.depth-- }()
	return d.component()
}
