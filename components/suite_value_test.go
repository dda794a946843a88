package components_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"latticework/wit"
	"latticework/wit/value"
)

// value reads the suite's JSON as a value of type t.
func (v suiteValue) value(t *wit.Type) (value.Value, error) {
	if t.Kind <= wit.KindF64 {
		return v.number(t.Kind)
	}
	var s string
	switch t.Kind {
	case wit.KindString:
		err := json.Unmarshal(v.Value, &s)
		return value.String(s), err
	case wit.KindChar:
		err := json.Unmarshal(v.Value, &s)
		for _, r := range s {
			return value.Char(r), err
		}
		return nil, fmt.Errorf("no character in %s", v.Value)
	case wit.KindEnum:
		err := json.Unmarshal(v.Value, &s)
		for i, c := range t.Cases {
			if c.Name == s {
				return value.Enum(i), err
			}
		}
		return nil, fmt.Errorf("enum has no case %q", s)
	case wit.KindFlags:
		var names []string
		err := json.Unmarshal(v.Value, &names)
		f := make(value.Flags, (len(t.Flags)+31)/32)
		for i, n := range t.Flags {
			for _, have := range names {
				if have == n {
					f[i/32] |= 1 << (i % 32)
				}
			}
		}
		return f, err
	}
	return v.compound(t)
}

func (v suiteValue) number(k wit.Kind) (value.Value, error) {
	text := strings.Trim(string(v.Value), `"`)
	switch k {
	case wit.KindBool:
		return value.Bool(text == "true"), nil
	case wit.KindF32:
		bits, err := strconv.ParseUint(text, 16, 32)
		return value.F32(math.Float32frombits(uint32(bits))), err
	case wit.KindF64:
		bits, err := strconv.ParseUint(text, 16, 64)
		return value.F64(math.Float64frombits(bits)), err
	case wit.KindU64:
		n, err := strconv.ParseUint(text, 10, 64)
		return value.U64(n), err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch k {
	case wit.KindS8:
		return value.S8(n), err
	case wit.KindU8:
		return value.U8(n), err
	case wit.KindS16:
		return value.S16(n), err
	case wit.KindU16:
		return value.U16(n), err
	case wit.KindS32:
		return value.S32(n), err
	case wit.KindU32:
		return value.U32(n), err
	}
	return value.S64(n), err
}

func (v suiteValue) compound(t *wit.Type) (value.Value, error) {
	switch t.Kind {
	case wit.KindList, wit.KindFixedList:
		var items []suiteValue
		if err := json.Unmarshal(v.Value, &items); err != nil {
			return nil, err
		}
		out := value.List{}
		for _, it := range items {
			e, err := it.value(t.Elem)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		if b, ok := asBytes(t, out); ok {
			return b, nil
		}
		return out, nil
	case wit.KindTuple:
		var items []suiteValue
		if err := json.Unmarshal(v.Value, &items); err != nil {
			return nil, err
		}
		out := value.Tuple{}
		for i, it := range items {
			e, err := it.value(t.Fields[i].Type)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		return out, nil
	case wit.KindRecord:
		var fields []struct {
			Name  string     `json:"name"`
			Value suiteValue `json:"value"`
		}
		if err := json.Unmarshal(v.Value, &fields); err != nil {
			return nil, err
		}
		out := value.Record{}
		for i, f := range t.Fields {
			e, err := fields[i].Value.value(f.Type)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		return out, nil
	case wit.KindOption:
		if string(v.Value) == "null" || len(v.Value) == 0 {
			return value.Option{}, nil
		}
		e, err := v.payload(v.Value, t.Elem)
		return value.Option{Value: e}, err
	}
	return v.cases(t)
}

func (v suiteValue) cases(t *wit.Type) (value.Value, error) {
	var c struct {
		Case    string          `json:"case"`
		IsErr   bool            `json:"is_err"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(v.Value, &c); err != nil {
		return nil, err
	}
	if t.Kind == wit.KindResult {
		side := t.Elem
		if c.IsErr {
			side = t.Err
		}
		p, err := v.payload(c.Payload, side)
		return value.Result{IsErr: c.IsErr, Value: p}, err
	}
	for i, cs := range t.Cases {
		if cs.Name == c.Case {
			p, err := v.payload(c.Payload, cs.Type)
			return value.Variant{Case: i, Payload: p}, err
		}
	}
	return nil, fmt.Errorf("no case %q in a type of kind %d", c.Case, t.Kind)
}

// payload reads an optional value inside another one.
func (suiteValue) payload(raw json.RawMessage, t *wit.Type) (value.Value, error) {
	if t == nil || len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var inner suiteValue
	if err := json.Unmarshal(raw, &inner); err != nil {
		return nil, err
	}
	return inner.value(t)
}

func asBytes(t *wit.Type, l value.List) (value.Bytes, bool) {
	if t.Kind != wit.KindList || t.Elem.Kind != wit.KindU8 {
		return nil, false
	}
	out := value.Bytes{}
	for _, v := range l {
		out = append(out, byte(v.(value.U8)))
	}
	return out, true
}
