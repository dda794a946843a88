package wasihttp

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	contract "latticework/components/wasi/bindings/wasihttp"
	"latticework/internal/errcode"
	"latticework/internal/fuzzbound"
	"latticework/wit/abi"
)

var ctx = context.Background()

// headerCase returns the header error that err carries, "" for none.
func headerCase(err error) string {
	var f *abi.Failure[contract.HeaderError]
	if !errors.As(err, &f) {
		return ""
	}
	return f.Value.Case.String()
}

func entries(t *testing.T, f contract.Fields) (out []string) {
	t.Helper()
	es, err := f.Entries(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		out = append(out, e.F0+"="+string(e.F1))
	}
	return out
}

func values(t *testing.T, f contract.Fields, name string) (out []string) {
	t.Helper()
	vs, err := f.Get(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		out = append(out, string(v))
	}
	return out
}

func TestFieldsRefuseWhatHTTPForbids(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"x-ok", "value", ""},
		{"X_odd.!#$%&'*+-^`|~9", "", ""},
		{"x-tab", "a\tb", ""},
		{"x-latin1", "caf\xe9", ""},
		{"", "v", "invalid-syntax"},
		{"with space", "v", "invalid-syntax"},
		{"with:colon", "v", "invalid-syntax"},
		{"x\r\ny", "v", "invalid-syntax"},
		{"ümlaut", "v", "invalid-syntax"},
		{"x", "a\r\nset-cookie: b", "invalid-syntax"},
		{"x", "a\nb", "invalid-syntax"},
		{"x", "a\x00b", "invalid-syntax"},
		{"x", "a\x7f", "invalid-syntax"},
		{"Connection", "close", "forbidden"},
		{"HOST", "a", "forbidden"},
		{"keep-alive", "a", "forbidden"},
		{"proxy-connection", "a", "forbidden"},
		{"proxy-authenticate", "a", "forbidden"},
		{"proxy-authorization", "a", "forbidden"},
		{"transfer-encoding", "chunked", "forbidden"},
		{"Upgrade", "h2c", "forbidden"},
		{"http2-settings", "a", "forbidden"},
	}
	for _, test := range tests {
		f := newFields()
		if got := headerCase(f.Append(ctx, test.name, []byte(test.value))); got != test.want {
			t.Errorf("append(%q, %q): %q, want %q", test.name, test.value, got, test.want)
		}
		if got := headerCase(f.Set(ctx, test.name, [][]byte{[]byte(test.value)})); got != test.want {
			t.Errorf("set(%q, %q): %q, want %q", test.name, test.value, got, test.want)
		}
		_, err := types.FieldsFromList(ctx, []abi.Tuple2[string, []byte]{{F0: test.name, F1: []byte(test.value)}})
		if got := headerCase(err); got != test.want {
			t.Errorf("from-list(%q, %q): %q, want %q", test.name, test.value, got, test.want)
		}
	}
	if got := headerCase(newFields().Delete(ctx, "a b")); got != "invalid-syntax" {
		t.Errorf("delete of an invalid name: %q", got)
	}
	if got := headerCase(newFields().Delete(ctx, "host")); got != "forbidden" {
		t.Errorf("delete of a forbidden name: %q", got)
	}
}

func TestFieldsAreAListWithCaselessNames(t *testing.T) {
	fs, err := types.FieldsFromList(ctx, []abi.Tuple2[string, []byte]{
		{F0: "Set-Cookie", F1: []byte("a")}, {F0: "X", F1: []byte("1")}, {F0: "set-cookie", F1: []byte("b")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := entries(t, fs), []string{"Set-Cookie=a", "X=1", "set-cookie=b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("entries %q, want %q", got, want)
	}
	if got := values(t, fs, "SET-COOKIE"); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("get = %q", got)
	}
	if has, _ := fs.Has(ctx, "x"); !has {
		t.Error("has(x) = false")
	}
	if has, _ := fs.Has(ctx, "not valid"); has {
		t.Error("has of an invalid name = true")
	}
	if got := values(t, fs, "missing"); len(got) != 0 {
		t.Errorf("get(missing) = %q", got)
	}
	if err := fs.Set(ctx, "set-cookie", [][]byte{[]byte("c"), []byte("d")}); err != nil {
		t.Fatal(err)
	}
	if got, want := entries(t, fs), []string{"X=1", "set-cookie=c", "set-cookie=d"}; !reflect.DeepEqual(got, want) {
		t.Errorf("entries after set %q, want %q", got, want)
	}
	if err := fs.Set(ctx, "X", nil); err != nil {
		t.Fatal(err)
	}
	if has, _ := fs.Has(ctx, "x"); has {
		t.Error("set to no values left the field")
	}
	if err := fs.Delete(ctx, "never-there"); err != nil {
		t.Errorf("delete of what is not there: %v", err)
	}
}

func TestFieldsOfAMessageAreImmutableAndClonesAreNot(t *testing.T) {
	f := newFields()
	if err := f.Append(ctx, "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	resp, err := types.NewOutgoingResponse(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	h, err := resp.Headers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for op, err := range map[string]error{
		"set": h.Set(ctx, "a", nil), "append": h.Append(ctx, "b", nil), "delete": h.Delete(ctx, "a"),
	} {
		if headerCase(err) != "immutable" {
			t.Errorf("%s: %v", op, err)
		}
	}
	c, err := h.Clone(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Append(ctx, "b", []byte("2")); err != nil {
		t.Errorf("append to a clone: %v", err)
	}
	if got := entries(t, h); !reflect.DeepEqual(got, []string{"a=1"}) {
		t.Errorf("the original changed: %q", got)
	}
}

func TestReceivedFields(t *testing.T) {
	h := http.Header{"B": {"2", "3"}, "Content-Type": {"x"}, "Connection": {"close"}, "Transfer-Encoding": {"chunked"}}
	for _, loaded := range []bool{false, true} {
		f := receivedFields(h)
		if loaded {
			f.fields.Len()
		}
		if got := values(t, f, "b"); !reflect.DeepEqual(got, []string{"2", "3"}) {
			t.Errorf("loaded %v: get(b) = %q", loaded, got)
		}
		if has, _ := f.Has(ctx, "connection"); has {
			t.Errorf("loaded %v: a field of the connection is visible", loaded)
		}
		if got := values(t, f, "transfer-encoding"); len(got) != 0 {
			t.Errorf("loaded %v: get(transfer-encoding) = %q", loaded, got)
		}
		if headerCase(f.Delete(ctx, "b")) != "immutable" {
			t.Errorf("loaded %v: received fields can be changed", loaded)
		}
		if got, want := entries(t, f), []string{"b=2", "b=3", "content-type=x"}; !reflect.DeepEqual(got, want) {
			t.Errorf("loaded %v: entries %q, want %q", loaded, got, want)
		}
	}
}

func TestFieldsAreBounded(t *testing.T) {
	f := newFields()
	big := bytes.Repeat([]byte("x"), MaxFieldBytes)
	if err := f.Append(ctx, "a", big); !errors.Is(err, errcode.Exhausted) {
		t.Errorf("a field of %d bytes: %v", len(big)+1, err)
	}
	f = newFields()
	for range MaxFieldCount {
		if err := f.Append(ctx, "a", nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Append(ctx, "a", nil); !errors.Is(err, errcode.Exhausted) {
		t.Errorf("field %d: %v", MaxFieldCount+1, err)
	}
	if err := f.Delete(ctx, "a"); err != nil || f.fields.Bytes() != 0 {
		t.Errorf("after delete %d bytes are counted, %v", f.fields.Bytes(), err)
	}
}

func TestContentLength(t *testing.T) {
	tests := []struct {
		values string // separated by |
		want   int64
		ok     bool
	}{
		{"", -1, true}, {"0", 0, true}, {"12", 12, true}, {"7|7", 7, true}, {"7|8", 0, false},
		{"-1", 0, false}, {"+1", 0, false}, {" 1", 0, false}, {"1, 1", 0, false}, {"0x1", 0, false},
		{"9999999999999999999", 0, false},
	}
	for _, test := range tests {
		f := newFields()
		if test.values != "" {
			for v := range strings.SplitSeq(test.values, "|") {
				if err := f.Append(ctx, "Content-Length", []byte(v)); err != nil {
					t.Fatal(err)
				}
			}
		}
		n, ok := f.fields.ContentLength()
		if ok != test.ok || ok && n != test.want {
			t.Errorf("content-length %q: %d, %v", test.values, n, ok)
		}
	}
}

func FuzzFieldSyntax(f *testing.F) {
	f.Add("name", "value")
	f.Add("a\r\nb", "c")
	f.Fuzz(func(t *testing.T, name, value string) {
		fuzzbound.Run(t, func() {
			fs := newFields()
			if fs.Append(ctx, name, []byte(value)) != nil {
				return
			}
			var out bytes.Buffer
			h := http.Header{}
			fs.fields.AddTo(h, "")
			if err := h.Write(&out); err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 || bytes.ContainsAny(out.Bytes()[:out.Len()-2], "\r\n\x00") {
				t.Fatalf("field %q: %q is written as %q", name, value, out.String())
			}
		})
	})
}

func TestFieldsOfOneComponent(t *testing.T) {
	few := Types{MaxFields: 2, MaxFieldBytes: 8}
	f, err := few.NewFields(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, value, want string }{
		{"a", "1", ""}, {"b", "1234567", "bytes: 10 > 8"}, {"b", "12345", ""}, {"c", "", "fields: 3 > 2"},
	} {
		err := f.Append(ctx, c.name, []byte(c.value))
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, errcode.Exhausted) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("append %s: %v, want %q", c.name, err, c.want)
		}
	}
	again, _ := f.Clone(ctx)
	if err := again.Append(ctx, "c", nil); !errors.Is(err, errcode.Exhausted) {
		t.Errorf("a copy takes more: %v", err)
	}
	if _, err := few.FieldsFromList(ctx, make([]abi.Tuple2[string, []byte], 0)); err != nil {
		t.Error(err)
	}
}
