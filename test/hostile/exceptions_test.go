package hostile

import (
	"slices"
	"strings"

	"latticework/internal/errcode"
	. "latticework/internal/wasmbuild"
)

// caught runs code, which may throw, and drops what it throws.
func caught(code ...any) []byte {
	return Cat([]byte{0x02, 0x40, 0x1f, 0x40, 1, 2, 0}, Code(code...), []byte{0x0b, 0x0b})
}

// leave has a module's exceptions left to the engine, since one has more than an
// i32. Others are not, in a module that keeps them to itself.
func leave(m *Module) { m.Tags = append(m.Tags, Cat([]byte{0}, U(m.Type("l", "")))) }

// throwing makes a component whose export "run" is code. Its tag 0 has values of
// the types.
func throwing(how func(*Module), types, locals string, code ...any) func() []byte {
	return of(func(m *Module) {
		m.Tags = [][]byte{Cat([]byte{0}, U(m.Type(types, "")))}
		how(m)
		m.Export("run", Func, m.Func(m.Type("", ""), locals, code...))
	})
}

// exceptions are attacks with exceptions. The engine, where they are left to it,
// makes garbage in the host's heap of each try block and of each exception.
func exceptions() []hostile {
	own := exceptionsOf("exception: ", func(*Module) {})
	// Several for which nothing waits are several loops: on two processors they
	// leave none to the victim.
	own = slices.DeleteFunc(own, func(h hostile) bool { return h.others > 0 })
	return append(own, exceptionsOf("exception left to the engine: ", leave)...)
}

func exceptionsOf(kind string, how func(*Module)) []hostile {
	late := ends(errcode.Deadline)
	forEver := Cat([]byte{0x03, 0x40}, caught(0x08, 0), []byte{0x0c, 0, 0x0b})
	return []hostile{
		{name: kind + "nobody catches it", codes: ends(errcode.Trap), bytes: throwing(how, "", "", 0x08, 0)},
		{name: kind + "thrown and caught for ever", codes: late, bytes: throwing(how, "", "", forEver)},
		{name: kind + "thrown and caught for ever by two", codes: late, bytes: throwing(how, "", "", forEver), others: 1},
		{name: kind + "try blocks left by branches", codes: late,
			bytes: throwing(how, "", "", 0x03, 0x40, 0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x0c, 2, 0x0b, 0x0b, 0x0b)},
		// Left to the engine in either case.
		{name: kind + "thrown with 900 values for ever", codes: late, bytes: throwing(how, strings.Repeat("l", 900), "",
			0x03, 0x40, caught([]byte(strings.Repeat("\x42\x01", 900)), 0x08, 0), 0x0c, 0, 0x0b)},
		// The stack grows each time from the copy that the try block made.
		{name: kind + "thrown from the depth for ever", codes: late, bytes: of(func(m *Module) {
			m.Tags = [][]byte{Cat([]byte{0}, U(m.Type("", "")))}
			how(m)
			m.Export("run", Func, m.Func(m.Type("", ""), "", 0x03, 0x40, caught(I32(20_000), Call(1)), 0x0c, 0, 0x0b))
			m.Func(m.Type("i", ""), "", 0x20, 0, 0x45, 0x04, 0x40, 0x08, 0, 0x0b, 0x20, 0, 0x41, 1, 0x6b, Call(1), 0x01)
		})},
		{name: kind + "thrown again for ever, by its reference", codes: late, bytes: of(func(m *Module) {
			m.Tags = [][]byte{Cat([]byte{0}, U(m.Type("", "")))}
			how(m)
			const exn = 0x69
			again := Cat([]byte{0x02, exn, 0x1f, 0x40, 1, 3, 0, 0x20, 0, 0x0a, 0x0b, 0x00, 0x0b, 0x21, 0})
			m.Export("run", Func, m.Body(m.Type("", ""), Cat([]byte{1, 1, exn},
				[]byte{0x02, exn, 0x1f, 0x40, 1, 3, 0, 0x08, 0, 0x0b, 0x00, 0x0b, 0x21, 0},
				[]byte{0x03, 0x40}, again, []byte{0x0c, 0, 0x0b, 0x0b})))
		})},
	}
}
