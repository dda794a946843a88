package guests

import (
	"errors"
	"os"
	"strings"
	"testing"

	"latticework/components"
	"latticework/components/compose"
	"latticework/components/wasi"
	"latticework/internal/errcode"
	"latticework/internal/refdata"
)

// TestPythonCallsTypeScript plugs the library in TypeScript into a program in
// Python: values of each kind go from one toolchain's memory to the other's. It
// runs under the interpreter, which reads 31 MB of code in a second.
func TestPythonCallsTypeScript(t *testing.T) {
	notRaced(t)
	var parts [2][]byte
	for i, name := range []string{"caller-py", "values-ts"} {
		var err error
		if parts[i], err = os.ReadFile(refdata.Built(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := compose.Plug(parts[0], parts[1])
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine(t, interpreted).Compile(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	tmpl, err := c.Link(components.LinkConfig{Interfaces: system(t, wasi.Config{Stderr: &stderr})})
	if err != nil {
		t.Fatal(err)
	}
	in, err := tmpl.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Release(t.Context())
	want := []string{
		`(255, -128, 65535, -32768, 4294967295, -2147483648, 18446744073709551615, -9223372036854775808)`,
		`(1.0, -0.5)`,
		`(True, '🌎')`,
		`'a--ß🌍-a--ß🌍'`,
		`Person(name='Ada', age=38, tags=['x', 'older'], home=Point(x=-1, y=2147483647))`,
		`Person(name='', age=255, tags=['older'], home=None)`,
		`(3.141592653589793, 7.0)`,
		`(<Colour.RED: 0>, <Permissions.WRITE: 2>)`,
		`[1, 4294967295, 3]`,
		`(Some(value='a'), Some(value=None), None)`,
		`True`,
		`3000`,
		`18446744073709551615`,
		`Err(value=Shape_Circle(value=1.0))`,
		`Err(value='no area for nothing')`,
		`(3, 1099511627776, 6)`,
		`(22, 33)`,
	}
	got, err := in.CallText(t.Context(), "answers()")
	if all := `["` + strings.Join(want, `", "`) + `"]`; err != nil || got != all {
		t.Errorf("%v\n%s\nwant\n%s", err, got, all)
	}
	_, err = in.CallText(t.Context(), "broken()")
	if trap, trapped := components.IsTrap(err); !trapped || !errors.Is(err, errcode.Trap) || !strings.Contains(strings.Join(trap.Stack, "\n"), "values@0.1.0#broken") {
		t.Errorf("an exception of the library ended with %v (%q), want a trap inside it", err, stderr.String())
	}
}
