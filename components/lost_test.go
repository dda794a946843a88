package components_test

import (
	"context"
	"testing"
	"time"

	"latticework/components"
	. "latticework/internal/wasmbuild"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// quill is a resource of the host that tells when it is dropped.
type quill chan struct{}

func (q quill) Drop(context.Context) { close(q) }

// quillDesk is a component that hands quills on:
//
//	import make: func() -> own<pen>
//	export produce: async func() -> stream<own<pen>>  // one pen, and a handle 99 if it was told to lie
//	export lie: func()
//	export drop: async func(s: stream<own<pen>>) -> u32
func quillDesk() []byte {
	c, core, holder := NewComponent(), &Module{}, &Module{}
	pens := c.ImportResource("pen")
	own := U(c.Own(pens))
	stream := U(c.Type(Cat([]byte{0x66, 1}, own)))
	holder.Memory(1, 1)
	holder.Export("m", Memory, 0)
	holder.Data(68, []byte{99})
	memory := c.CoreInstance(c.CoreModule(holder.Bytes()))
	mem := MemoryOpt(c.CoreMemory(memory, "m"))
	make1 := c.Lower(c.ImportFunc("make", c.FuncType(own)))
	newPen := Call(core.Import("", "make", core.Type("", "i")))
	newStream := Call(core.Import("", "new", core.Type("", "l")))
	write := Call(core.Import("", "write", core.Type("iii", "i")))
	drop := Call(core.Import("", "drop", core.Type("i", "")))
	ret := Call(core.Import("", "return", core.Type("i", "")))
	core.ImportMemory("mem", "m", 1)
	core.Global(1)
	core.Export("lie", Func, core.Func(core.Type("", ""), "", I32(2), 0x24, 0))
	core.Export("drop", Func, core.Func(core.Type("i", "i"), "", get(0), drop, I32(7)))
	core.Export("produce", Func, core.Func(core.Type("", ""), "l", newStream, setOp, 0,
		I32(64), newPen, []byte{0x36, 2, 0}, // i32.store
		get(0), 0xa7, ret,
		get(0), []byte{0x42, 32}, 0x88, 0xa7, I32(64), []byte{0x23, 0}, write, dropOp))
	inst := c.CoreInstance(c.CoreModule(core.Bytes()), Arg{Name: "mem", Instance: memory}, Arg{Name: "", Instance: c.CoreExports(
		Item{Name: "make", Func: make1},
		Item{Name: "new", Func: c.Canon([]byte{0x0e}, stream)},
		Item{Name: "write", Func: c.Canon([]byte{0x10}, stream, Vec([]byte{6}, mem))},
		Item{Name: "drop", Func: c.Canon([]byte{0x13}, stream)},
		Item{Name: "return", Func: c.Canon([]byte{0x09, 0}, stream, Vec(mem))})})
	c.Export("lie", SortFunc, c.Lift(c.CoreFunc(inst, "lie"), c.FuncType(nil)))
	c.Export("drop", SortFunc, c.Lift(c.CoreFunc(inst, "drop"), asyncFunc(c, []byte{U32}, Param{Name: "s", Type: stream})))
	c.Export("produce", SortFunc, c.Lift(c.CoreFunc(inst, "produce"), asyncFunc(c, stream), []byte{6}, mem))
	return c.Bytes()
}

// quillDesks returns a template of the component, and the stream of a quill that
// an instance of it answered.
func quillDesks(t *testing.T, lies bool) (*components.Template, *components.Instance, *components.StreamReader, quill) {
	t.Helper()
	q, resource := make(quill), &wit.Resource{Name: "pen"}
	own := &wit.Type{Kind: wit.KindOwn, Resource: resource}
	tmpl := linked(t, quillDesk(), &abi.Interface{Name: "pen", Resources: []*wit.Resource{resource}},
		&abi.Interface{Name: "make", Uses: []*wit.Resource{resource}, Funcs: []abi.Func{{
			Name: "make", Type: &wit.FuncType{Result: own},
			Call: func(_ context.Context, c *abi.Call) error { c.PutOwn(c.Result, q, resource); return nil },
		}}})
	in, _ := acquired(t, tmpl, "drop")
	if lies {
		call(t, in, "lie")
	}
	return tmpl, in, call(t, in, "produce").(value.Async).Rep.(*components.StreamReader), q
}

// TestResourceLostBetweenInstances: a resource on its way from one instance to
// another, which no longer wants it, ends.
func TestResourceLostBetweenInstances(t *testing.T) {
	tmpl, a, r, q := quillDesks(t, false)
	b, _ := acquired(t, tmpl, "drop")
	if got := call(t, b, "drop", value.Async{Rep: r}); got != value.U32(7) {
		t.Fatalf("answered %v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := a.Drive(ctx, func(ctx context.Context) error {
		return b.Drive(ctx, func(ctx context.Context) error {
			select {
			case <-q:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	if err != nil {
		t.Errorf("the resource did not end: %v", err)
	}
}

// TestResourceReadWithWhatIsNone: a resource that Go gets before an element that
// is no value ends.
func TestResourceReadWithWhatIsNone(t *testing.T) {
	_, in, r, q := quillDesks(t, true)
	err := in.Drive(t.Context(), func(ctx context.Context) error {
		vs, err := r.ReadValues(ctx, 2)
		if err == nil {
			t.Errorf("read %v", vs)
		}
		return err
	})
	if _, trap := components.IsTrap(err); !trap {
		t.Errorf("answered %v, want a trap", err)
	}
	select {
	case <-q:
	default:
		t.Error("the resource did not end")
	}
}
