package hostile

import (
	"strings"

	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

// caught runs code, which may throw, and drops what it throws.
func caught(code ...any) []byte {
	return Cat([]byte{0x02, 0x40, 0x1f, 0x40, 1, 2, 0}, Code(code...), []byte{0x0b, 0x0b})
}

// throwing makes a component whose export "run" is code. Its tag 0 has values of
// the types.
func throwing(types, locals string, code ...any) func() []byte {
	return of(func(m *Module) {
		m.Tags = [][]byte{Cat([]byte{0}, U(m.Type(types, "")))}
		m.Export("run", Func, m.Func(m.Type("", ""), locals, code...))
	})
}

// exceptions are attacks with exceptions. The engine makes garbage in the host's
// heap of each try block and of each exception.
func exceptions() []hostile {
	late := ends(errcode.Deadline)
	forEver := Cat([]byte{0x03, 0x40}, caught(0x08, 0), []byte{0x0c, 0, 0x0b})
	return []hostile{
		{name: "exception: nobody catches it", codes: ends(errcode.Trap), bytes: throwing("", "", 0x08, 0)},
		{name: "exception: thrown and caught for ever", codes: late, bytes: throwing("", "", forEver)},
		{name: "exception: thrown and caught for ever by two", codes: late, bytes: throwing("", "", forEver), others: 1},
		{name: "exception: try blocks left by branches", codes: late,
			bytes: throwing("", "", 0x03, 0x40, 0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x0c, 2, 0x0b, 0x0b, 0x0b)},
		{name: "exception: thrown with 900 values for ever", codes: late, bytes: throwing(strings.Repeat("l", 900), "",
			0x03, 0x40, caught([]byte(strings.Repeat("\x42\x01", 900)), 0x08, 0), 0x0c, 0, 0x0b)},
		// The stack grows each time from the copy that the try block made.
		{name: "exception: thrown from the depth for ever", codes: late, bytes: of(func(m *Module) {
			m.Tags = [][]byte{Cat([]byte{0}, U(m.Type("", "")))}
			m.Export("run", Func, m.Func(m.Type("", ""), "", 0x03, 0x40, caught(I32(20_000), Call(1)), 0x0c, 0, 0x0b))
			m.Func(m.Type("i", ""), "", 0x20, 0, 0x45, 0x04, 0x40, 0x08, 0, 0x0b, 0x20, 0, 0x41, 1, 0x6b, Call(1), 0x01)
		})},
		{name: "exception: thrown again for ever, by its reference", codes: late, bytes: of(func(m *Module) {
			m.Tags = [][]byte{Cat([]byte{0}, U(m.Type("", "")))}
			const exn = 0x69
			again := Cat([]byte{0x02, exn, 0x1f, 0x40, 1, 3, 0, 0x20, 0, 0x0a, 0x0b, 0x00, 0x0b, 0x21, 0})
			m.Export("run", Func, m.Body(m.Type("", ""), Cat([]byte{1, 1, exn},
				[]byte{0x02, exn, 0x1f, 0x40, 1, 3, 0, 0x08, 0, 0x0b, 0x00, 0x0b, 0x21, 0},
				[]byte{0x03, 0x40}, again, []byte{0x0c, 0, 0x0b, 0x0b})))
		})},
	}
}
