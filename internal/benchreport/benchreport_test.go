package benchreport

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFigureLine(t *testing.T) {
	cases := []struct {
		figure Figure
		want   string
	}{
		{Figure{Name: "instantiate/rust-http", Value: 41.26, Unit: "us", Op: "<=", Goal: 60}, "instantiate/rust-http 41.26 us goal <= 60 met"},
		{Figure{Name: "call/remote", Value: 1.75, Unit: "x", Op: "<=", Goal: 1.5}, "call/remote 1.75 x goal <= 1.5 short"},
		{Figure{Name: "http/hello", Value: 0.34567, Unit: "x"}, "http/hello 0.3457 x goal -"},
		{Figure{Name: "rate", Value: 123456.7, Unit: "req/s", Op: ">=", Goal: 1000}, "rate 123457 req/s goal >= 1000 met"},
		{Figure{Name: "rate", Value: 1000, Unit: "req/s", Op: ">", Goal: 1000}, "rate 1000 req/s goal > 1000 short"},
		{Figure{Name: "lost", Value: 0, Unit: "calls", Op: "<", Goal: 1}, "lost 0 calls goal < 1 met"},
	}
	for _, c := range cases {
		if got := c.figure.String(); got != c.want {
			t.Errorf("line of %+v:\n got %s\nwant %s", c.figure, got, c.want)
		}
	}
}

func TestFigureMalformed(t *testing.T) {
	for _, f := range []Figure{
		{Name: "", Unit: "x"}, {Name: "two words", Unit: "x"}, {Name: "a", Unit: ""},
		{Name: "a", Unit: "x y"}, {Name: "a\n", Unit: "x"}, {Name: "a", Unit: "x", Op: "=="},
	} {
		if f.validate() == nil {
			t.Errorf("figure %+v: accepted", f)
		}
	}
}

func TestRecordAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures")
	t.Setenv(Env, path)
	Record(t, Figure{Name: "a", Value: 1, Unit: "x"})
	Record(t, Figure{Name: "b", Value: 2, Unit: "us", Op: "<=", Goal: 3})
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "a 1 x goal -\nb 2 us goal <= 3 met\n"
	if string(got) != want {
		t.Fatalf("file holds %q, want %q", got, want)
	}
}
