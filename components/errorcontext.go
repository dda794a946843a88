package components

import (
	"sync"

	"latticework/components/internal/binary"
	"latticework/components/internal/plan"
	"latticework/internal/errcode"
	"latticework/wit"
	"latticework/wit/abi"
)

// ErrorContext is a message about an error that components hand to each
// other. It is immutable.
type ErrorContext = abi.ErrorContext

// stringCodec is that of string, whose memory layout is a pointer and a
// length.
var stringCodec = sync.OnceValue(func() *abi.Codec {
	c, _ := abi.CompileType(wit.Primitive(wit.KindString)) // no error: it is a type
	return c
})

func (s *state) errorContextBuiltin(h *plan.Host, stack []uint64) error {
	f := &frame{}
	f.init(s, &h.Options)
	m := &f.call.Mem
	switch h.Canon {
	case binary.CanonErrorContextNew:
		var b [8]byte
		if err := stringCodec().Spill(stack[:2], b[:]); err != nil {
			return err
		}
		e := &ErrorContext{Message: m.String(b[:])}
		if err := m.Err(); err != nil {
			return err
		}
		i, err := s.table.add(handle{res: resErrorContext, rep: e})
		stack[0] = uint64(i)
		return err
	case binary.CanonErrorContextDebug:
		e, err := s.table.get(uint32(stack[0]), resErrorContext)
		if err != nil {
			return err
		}
		message := e.rep.(*ErrorContext).Message
		b := m.View(uint32(stack[1]), 8, 4)
		if b == nil {
			return m.Err()
		}
		m.PutString(b, message)
		return m.Err()
	case binary.CanonErrorContextDrop:
		if _, err := s.table.get(uint32(stack[0]), resErrorContext); err != nil {
			return err
		}
		s.table.remove(uint32(stack[0]))
		return nil
	}
	return errcode.New(errcode.Internal, "unknown built-in %s", h.Canon)
}
