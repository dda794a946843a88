package wit

import (
	"testing"
	"time"
)

func TestEqual(t *testing.T) {
	u8, str := Primitive(KindU8), Primitive(KindString)
	r, s := &Resource{Name: "r"}, &Resource{Name: "r"}
	types := []*Type{
		nil, u8, str,
		{Kind: KindList, Elem: u8}, {Kind: KindList, Elem: str},
		{Kind: KindFixedList, Elem: u8, Len: 4}, {Kind: KindFixedList, Elem: u8, Len: 5},
		{Kind: KindMap, Key: str, Elem: u8}, {Kind: KindMap, Key: u8, Elem: u8},
		{Kind: KindRecord, Fields: []Field{{"a", u8}}}, {Kind: KindRecord, Fields: []Field{{"b", u8}}},
		{Kind: KindRecord, Fields: []Field{{"a", str}}}, {Kind: KindRecord, Fields: []Field{{"a", u8}, {"b", u8}}},
		{Kind: KindTuple, Fields: []Field{{"", u8}}},
		{Kind: KindVariant, Cases: []Case{{"a", nil}}}, {Kind: KindVariant, Cases: []Case{{"a", u8}}}, {Kind: KindEnum, Cases: []Case{{"a", nil}}},
		{Kind: KindFlags, Flags: []string{"a"}}, {Kind: KindFlags, Flags: []string{"a", "b"}},
		{Kind: KindOption, Elem: u8},
		{Kind: KindResult}, {Kind: KindResult, Elem: u8}, {Kind: KindResult, Err: u8}, {Kind: KindResult, Elem: u8, Err: u8},
		{Kind: KindOwn, Resource: r}, {Kind: KindOwn, Resource: s}, {Kind: KindBorrow, Resource: r},
		{Kind: KindStream}, {Kind: KindStream, Elem: u8}, {Kind: KindFuture},
	}
	for i, a := range types {
		for j, b := range types {
			if b != nil && !isPrimitive(b.Kind) {
				c := *b
				c.Name = "another-name" // does not count
				b = &c
			}
			if got := Equal(a, b); got != (i == j) {
				t.Errorf("Equal of %d and %d is %v", i, j, got)
			}
		}
	}
}

func TestEqualFunc(t *testing.T) {
	u8 := Primitive(KindU8)
	funcs := []*FuncType{
		nil, {}, {Async: true}, {Result: u8}, {Params: []Param{{"a", u8}}}, {Params: []Param{{"b", u8}}},
		{Params: []Param{{"a", Primitive(KindS8)}}},
	}
	for i, a := range funcs {
		for j, b := range funcs {
			if b != nil {
				c := *b
				b = &c
			}
			if got := EqualFunc(a, b); got != (i == j) {
				t.Errorf("EqualFunc of %d and %d is %v", i, j, got)
			}
		}
	}
}

// TestEqualShared compares types that would take 2^60 steps without memory.
func TestEqualShared(t *testing.T) {
	deep := func(leaf Kind) *Type {
		t := Primitive(leaf)
		for range 60 {
			t = &Type{Kind: KindTuple, Fields: []Field{{"", t}, {"", t}}}
		}
		return t
	}
	start := time.Now()
	if !Equal(deep(KindU8), deep(KindU8)) || Equal(deep(KindU8), deep(KindS8)) {
		t.Error("wrong answer")
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
}
