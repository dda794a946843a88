package encode

import (
	"latticework/components/internal/binary"
)

// preamble begins a component: the magic number, version and layer.
const preamble = "\x00asm\x0d\x00\x01\x00"

// Section ids.
const (
	secCustom byte = iota
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

// Encoder writes components.
type Encoder struct {
	// Data is what the ranges in the tree refer to: core modules, custom
	// sections and values.
	Data []byte
	// Verbatim holds nested components that are copied byte for byte: for
	// them, nothing of the tree but the pointer is looked at.
	Verbatim map[*binary.Component][]byte
}

// Encode writes c, decoded from data or with ranges into data.
//
// Definitions of one sort that follow each other share a section, unless
// their offsets say that they did not: what was decoded from numbers in their
// shortest form, without empty sections, is given back byte for byte.
//
// Errors:
//   - errcode.Invalid if the tree cannot be written: an item without a kind,
//     a sort where it cannot stand, a range outside of data.
func Encode(c *binary.Component, data []byte) ([]byte, error) {
	return (&Encoder{Data: data}).Encode(c)
}

// Encode writes c; see the function Encode.
func (e *Encoder) Encode(c *binary.Component) ([]byte, error) {
	w := &encoding{Encoder: e, writer: &writer{}}
	w.component(c)
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}

// encoding is one encoding in progress.
type encoding struct {
	*Encoder
	*writer
}

func (w *encoding) component(c *binary.Component) {
	if raw, ok := w.Verbatim[c]; ok {
		w.buf = append(w.buf, raw...)
		return
	}
	w.byte([]byte(preamble)...)
	for i := 0; i < len(c.Defs) && w.err == nil; {
		i += w.section(c.Defs[i:])
	}
}

// section writes one section of the first of defs and those after it that
// belong to the same one. It returns how many these are.
func (w *encoding) section(defs []binary.Def) int {
	id, single := sectionOf(defs[0].Item)
	body := &encoding{w.Encoder, &writer{}}
	n := 0
	for n < len(defs) && w.err == nil {
		size := len(body.buf)
		body.item(defs[n].Item)
		size = len(body.buf) - size
		n++
		if single || n == len(defs) || !together(defs[n-1], defs[n], id, size) {
			break
		}
	}
	w.byte(id)
	if single {
		w.len(len(body.buf))
	} else {
		count := &writer{}
		count.len(n)
		w.len(len(count.buf) + len(body.buf))
		w.byte(count.buf...)
	}
	w.buf = append(w.buf, body.buf...)
	if w.err == nil {
		w.err = body.err
	}
	return n
}

// together reports whether next belongs to the section with the given id
// that d, which takes size bytes, is in. Definitions that were never decoded
// have no offsets and are joined.
func together(d, next binary.Def, id byte, size int) bool {
	if other, _ := sectionOf(next.Item); other != id {
		return false
	}
	return d.Offset == next.Offset || d.Offset+size == next.Offset
}

// sectionOf returns the section that holds item, and whether it holds nothing
// else.
func sectionOf(item binary.Item) (id byte, single bool) {
	switch item.(type) {
	case *binary.Custom:
		return secCustom, true
	case *binary.CoreModule:
		return secCoreModule, true
	case *binary.CoreInstance:
		return secCoreInstance, false
	case *binary.CoreType:
		return secCoreType, false
	case *binary.Component:
		return secComponent, true
	case *binary.Instance:
		return secInstance, false
	case *binary.Alias:
		return secAlias, false
	case *binary.Type:
		return secType, false
	case *binary.Canon:
		return secCanon, false
	case *binary.Start:
		return secStart, true
	case *binary.Import:
		return secImport, false
	case *binary.Export:
		return secExport, false
	}
	return secValue, false
}

func (w *encoding) item(item binary.Item) {
	switch d := item.(type) {
	case *binary.Custom:
		w.name(d.Name)
		w.bytes(w.Data, d.Start, d.End, "custom section")
	case *binary.CoreModule:
		w.bytes(w.Data, d.Start, d.End, "core module")
	case *binary.CoreInstance:
		w.coreInstance(d)
	case *binary.CoreType:
		w.coreType(d)
	case *binary.Component:
		w.component(d)
	case *binary.Instance:
		w.instance(d)
	case *binary.Alias:
		w.alias(d)
	case *binary.Type:
		w.typeDef(d)
	case *binary.Canon:
		w.canon(d)
	case *binary.Start:
		w.u32(d.Func)
		vec(w.writer, d.Args, w.u32)
		w.u32(d.Results)
	case *binary.Import:
		w.externName(d.Name)
		w.externType(d.Type)
	case *binary.Export:
		w.export(d)
	case *binary.Value:
		w.valType(d.Type)
		w.len(d.End - d.Start)
		w.bytes(w.Data, d.Start, d.End, "value")
	default:
		w.fail("encode definition: %T is none", item)
	}
}
