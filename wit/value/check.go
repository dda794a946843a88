package value

import (
	"fmt"
	"unicode/utf8"

	"latticework/internal/errcode"
	"latticework/wit"
)

// Check returns nil if v is a value of type t. Otherwise the error, of code
// invalid, says where in v what was expected.
func Check(t *wit.Type, v Value) error {
	if err := check(t, v, 0); err != nil {
		return errcode.New(errcode.Invalid, "check value: %w", err)
	}
	return nil
}

func check(t *wit.Type, v Value, depth int) error {
	if t == nil || depth > MaxDepth {
		return fmt.Errorf("nesting %d > %d", depth, MaxDepth)
	}
	if err := checkShape(t, v); err != nil {
		return err
	}
	switch v := v.(type) {
	case List:
		for i, x := range v {
			if err := checkElem(t, x, depth); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
	case Record:
		for i, x := range v {
			if err := check(t.Fields[i].Type, x, depth+1); err != nil {
				return fmt.Errorf("field %s: %w", t.Fields[i].Name, err)
			}
		}
	case Tuple:
		for i, x := range v {
			if err := check(t.Fields[i].Type, x, depth+1); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
	case Variant:
		if c := t.Cases[v.Case]; c.Type != nil {
			if err := check(c.Type, v.Payload, depth+1); err != nil {
				return fmt.Errorf("case %s: %w", c.Name, err)
			}
		}
	case Option:
		if v.Value != nil {
			return check(t.Elem, v.Value, depth+1)
		}
	case Result:
		if side := resultSide(t, v.IsErr); side != nil {
			return check(side, v.Value, depth+1)
		}
	}
	return nil
}

func checkElem(t *wit.Type, x Value, depth int) error {
	if t.Kind != wit.KindMap {
		return check(t.Elem, x, depth+1)
	}
	pair := x.(Tuple)
	if err := check(t.Key, pair[0], depth+1); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	return check(t.Elem, pair[1], depth+1)
}

// checkShape checks all of v but what it contains.
func checkShape(t *wit.Type, v Value) error {
	switch v := v.(type) {
	case Bool, S8, U8, S16, U16, S32, U32, S64, U64, F32, F64:
		if scalarKind(v) == t.Kind {
			return nil
		}
	case Char:
		if t.Kind == wit.KindChar {
			if !utf8.ValidRune(rune(v)) {
				return fmt.Errorf("char %#x is no Unicode scalar value", uint32(v))
			}
			return nil
		}
	case String:
		if t.Kind == wit.KindString {
			if !utf8.ValidString(string(v)) {
				return fmt.Errorf("string is not valid UTF-8")
			}
			return nil
		}
	case Bytes:
		if (t.Kind == wit.KindList || t.Kind == wit.KindFixedList) && t.Elem != nil && t.Elem.Kind == wit.KindU8 {
			return checkLen(t, len(v))
		}
	case List:
		return checkListShape(t, v)
	}
	return checkCompoundShape(t, v)
}

func checkCompoundShape(t *wit.Type, v Value) error {
	switch v := v.(type) {
	case Record:
		if t.Kind == wit.KindRecord {
			return checkCount("fields", len(t.Fields), len(v))
		}
	case Tuple:
		if t.Kind == wit.KindTuple {
			return checkCount("elements", len(t.Fields), len(v))
		}
	case Variant:
		if t.Kind == wit.KindVariant {
			return checkCase(t, v.Case, v.Payload != nil)
		}
	case Enum:
		if t.Kind == wit.KindEnum {
			return checkCase(t, int(v), false)
		}
	case Option:
		if t.Kind == wit.KindOption {
			return nil
		}
	case Result:
		if t.Kind == wit.KindResult {
			if (resultSide(t, v.IsErr) != nil) != (v.Value != nil) {
				return fmt.Errorf("result: payload present is %t, want %t", v.Value != nil, v.Value == nil)
			}
			return nil
		}
	case Flags:
		if t.Kind == wit.KindFlags {
			return checkFlags(t, v)
		}
	case Handle:
		if t.Kind == wit.KindOwn && v.Owned || t.Kind == wit.KindBorrow && !v.Owned {
			if v.Resource != nil && v.Resource != t.Resource {
				return fmt.Errorf("handle of resource %s, want %s", resourceName(v.Resource), resourceName(t.Resource))
			}
			return nil
		}
	case Async:
		switch t.Kind {
		case wit.KindStream, wit.KindFuture, wit.KindErrorContext:
			return nil
		}
	}
	return fmt.Errorf("want %s, have %s", kindName(t), valueName(v))
}

func checkListShape(t *wit.Type, v List) error {
	switch t.Kind {
	case wit.KindList:
		return nil
	case wit.KindFixedList:
		return checkLen(t, len(v))
	case wit.KindMap:
		for i, x := range v {
			if pair, ok := x.(Tuple); !ok || len(pair) != 2 {
				return fmt.Errorf("element %d: want key and value, have %s", i, valueName(x))
			}
		}
		return nil
	}
	return fmt.Errorf("want %s, have list", kindName(t))
}

func checkLen(t *wit.Type, n int) error {
	if t.Kind == wit.KindFixedList {
		return checkCount("elements", int(t.Len), n)
	}
	return nil
}

func checkCount(what string, want, have int) error {
	if want != have {
		return fmt.Errorf("want %d %s, have %d", want, what, have)
	}
	return nil
}

func checkCase(t *wit.Type, i int, payload bool) error {
	if uint(i) >= uint(len(t.Cases)) {
		return fmt.Errorf("case index %d of %d cases", i, len(t.Cases))
	}
	if want := t.Cases[i].Type != nil; want != payload {
		return fmt.Errorf("case %s: payload present is %t, want %t", t.Cases[i].Name, payload, want)
	}
	return nil
}

func checkFlags(t *wit.Type, v Flags) error {
	n := len(t.Flags)
	for i, w := range v {
		if w&^flagsMask(max(0, n-32*i)) != 0 {
			return fmt.Errorf("a flag beyond the %d declared is set", n)
		}
	}
	return nil
}

func scalarKind(v Value) wit.Kind {
	switch v.(type) {
	case Bool:
		return wit.KindBool
	case S8:
		return wit.KindS8
	case U8:
		return wit.KindU8
	case S16:
		return wit.KindS16
	case U16:
		return wit.KindU16
	case S32:
		return wit.KindS32
	case U32:
		return wit.KindU32
	case S64:
		return wit.KindS64
	case U64:
		return wit.KindU64
	case F32:
		return wit.KindF32
	case F64:
		return wit.KindF64
	}
	return wit.KindInvalid
}

var kindNames = [...]string{
	wit.KindInvalid: "invalid type",
	wit.KindBool:    "bool", wit.KindS8: "s8", wit.KindU8: "u8", wit.KindS16: "s16",
	wit.KindU16: "u16", wit.KindS32: "s32", wit.KindU32: "u32", wit.KindS64: "s64",
	wit.KindU64: "u64", wit.KindF32: "f32", wit.KindF64: "f64", wit.KindChar: "char",
	wit.KindString: "string", wit.KindErrorContext: "error-context", wit.KindList: "list",
	wit.KindFixedList: "fixed-length list", wit.KindMap: "map", wit.KindRecord: "record",
	wit.KindTuple: "tuple", wit.KindVariant: "variant", wit.KindEnum: "enum",
	wit.KindOption: "option", wit.KindResult: "result", wit.KindFlags: "flags",
	wit.KindOwn: "own", wit.KindBorrow: "borrow", wit.KindStream: "stream",
	wit.KindFuture: "future",
}

// kindName says what t is, with its name if it has one.
func kindName(t *wit.Type) string {
	switch {
	case t == nil:
		return "no type"
	case int(t.Kind) >= len(kindNames):
		return fmt.Sprintf("type of kind %d", t.Kind)
	case t.Resource != nil:
		return kindNames[t.Kind] + "<" + resourceName(t.Resource) + ">"
	case t.Name != "":
		return kindNames[t.Kind] + " " + t.Name
	}
	return kindNames[t.Kind]
}

func valueName(v Value) string {
	if k := scalarKind(v); k != wit.KindInvalid {
		return kindNames[k]
	}
	switch v := v.(type) {
	case nil:
		return "nothing"
	case Char:
		return "char"
	case String:
		return "string"
	case Bytes:
		return "bytes"
	case List:
		return "list"
	case Record:
		return "record"
	case Tuple:
		return "tuple"
	case Variant:
		return "variant"
	case Enum:
		return "enum"
	case Option:
		return "option"
	case Result:
		return "result"
	case Flags:
		return "flags"
	case Handle:
		if v.Owned {
			return "own handle"
		}
		return "borrow handle"
	case Async:
		return "async handle"
	}
	return "unknown value"
}
