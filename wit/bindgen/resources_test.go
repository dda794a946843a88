package bindgen_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"testing"

	"latticework/internal/errcode"
	"latticework/wit/abi"
	"latticework/wit/bindgen/internal/zoo"
	"latticework/wit/value"
)

// bucket and store implement the interface store in memory.
type bucket struct {
	name    string
	data    map[string][]byte
	dropped bool
}

func (b *bucket) Get(_ context.Context, key string) (abi.Option[[]byte], error) {
	if key == "" {
		return abi.None[[]byte](), abi.Fail(zoo.StoreErrorFailed("empty key"))
	}
	v, ok := b.data[key]
	return abi.Option[[]byte]{Value: v, Some: ok}, nil
}

func (b *bucket) Set(_ context.Context, key string, v []byte) error {
	b.data[key] = v
	return nil
}

func (b *bucket) Name(context.Context) (string, error) { return b.name, nil }
func (b *bucket) Drop(context.Context)                 { b.dropped = true }

type store struct{ buckets []*bucket }

func (s *store) NewBucket(_ context.Context, name string) (zoo.Bucket, error) {
	b := &bucket{name: name, data: map[string][]byte{}}
	s.buckets = append(s.buckets, b)
	return b, nil
}

func (s *store) BucketOpen(_ context.Context, name string) (zoo.Bucket, error) {
	for _, b := range s.buckets {
		if b.name == name {
			return b, nil
		}
	}
	return nil, abi.Fail(zoo.StoreErrorClosed())
}

func (s *store) Merge(_ context.Context, a, b zoo.Bucket) (zoo.Bucket, error) {
	maps.Copy(a.(*bucket).data, b.(*bucket).data)
	return a, nil
}

func (s *store) All(context.Context) ([]zoo.Bucket, error) {
	out := make([]zoo.Bucket, len(s.buckets))
	for i, b := range s.buckets {
		out[i] = b
	}
	return out, nil
}

func TestResources(t *testing.T) {
	for way, call := range callers {
		t.Run(way, func(t *testing.T) {
			s := &store{}
			iface := zoo.BindStore(s)
			g := newGuest()
			must := func(name string, args ...value.Value) value.Value {
				t.Helper()
				v, err := call(g, fn(t, iface, name), args...)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return v
			}
			own := func(v value.Value) value.Handle {
				t.Helper()
				h, ok := v.(value.Handle)
				if !ok {
					t.Fatalf("%v is no handle", v)
				}
				return h
			}
			a := own(must("[constructor]bucket", value.String("a")))
			b := own(must("[constructor]bucket", value.String("b")))
			must("[method]bucket.set", borrowed(b), value.String("k"), value.Bytes("v"))
			if got := must("[method]bucket.get", borrowed(a), value.String("k")); !value.Equal(got, value.Result{Value: value.Option{}}) {
				t.Errorf("get from a before the merge: %v", got)
			}
			merged := must("merge", borrowed(a), b)
			if h := own(merged.(value.Result).Value); h.Rep != a.Rep {
				t.Errorf("merge answered %v", merged)
			}
			want := value.Result{Value: value.Option{Value: value.Bytes("v")}}
			if got := must("[method]bucket.get", borrowed(a), value.String("k")); !value.Equal(got, want) {
				t.Errorf("get from a after the merge: %v", got)
			}
			failed := value.Result{IsErr: true, Value: value.Variant{Case: 1, Payload: value.String("empty key")}}
			if got := must("[method]bucket.get", borrowed(a), value.String("")); !value.Equal(got, failed) {
				t.Errorf("get of the empty key: %v", got)
			}
			if got := must("[static]bucket.open", value.String("c")); !value.Equal(got, value.Result{IsErr: true, Value: value.Variant{}}) {
				t.Errorf("open of what is not there: %v", got)
			}
			if got := must("all").(value.List); len(got) != 2 {
				t.Errorf("all answered %v", got)
			}
		})
	}
}

func borrowed(h value.Handle) value.Handle {
	h.Owned = false
	return h
}

func TestHandleOfAnotherGoType(t *testing.T) {
	f := fn(t, zoo.BindStore(&store{}), "[method]bucket.name")
	for way, call := range callers {
		_, err := call(newGuest(), f, value.Handle{Rep: "no bucket", Resource: zoo.ResourceBucket})
		if err == nil {
			t.Errorf("%s: a string passed for a bucket", way)
		}
	}
	g := newGuest()
	c, _, err := g.newCall(f.Type)
	if err != nil {
		t.Fatal(err)
	}
	c.Params[0] = 5
	if err := f.Call(context.Background(), c); !errors.Is(err, errHandle) {
		t.Errorf("a forged handle gave %v, want %v", err, errHandle)
	}
}

// TestBoundInterfaceListsResources checks what a linker reads.
func TestBoundInterfaceListsResources(t *testing.T) {
	s, v := zoo.BindStore(&store{}), zoo.BindVisitor(visitor{})
	if s.Name != "test:zoo/store@1.2.0" || len(s.Resources) != 1 || s.Resources[0] != zoo.ResourceBucket || len(s.Uses) != 0 {
		t.Errorf("store: %s %v %v", s.Name, s.Resources, s.Uses)
	}
	if len(v.Resources) != 0 || len(v.Uses) != 1 || v.Uses[0] != zoo.ResourceBucket {
		t.Errorf("visitor: %v %v", v.Resources, v.Uses)
	}
	var names []string
	for _, f := range s.Funcs {
		names = append(names, f.Name)
	}
	want := []string{"[constructor]bucket", "[static]bucket.open", "[method]bucket.get", "[method]bucket.set", "[method]bucket.name", "merge", "all"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("functions %q, want %q", names, want)
	}
}

type visitor struct{ err error }

func (v visitor) Visit(ctx context.Context, target zoo.Bucket, other abi.Option[zoo.Bucket]) (string, error) {
	name, err := target.Name(ctx)
	if err != nil {
		return "", err
	}
	if !other.Some {
		return "", abi.Fail(zoo.StoreErrorFailed(name))
	}
	second, err := other.Value.Name(ctx)
	return name + "+" + second, err
}

func (v visitor) Raise(context.Context) error { return v.err }

func TestExportStubs(t *testing.T) {
	ctx := context.Background()
	a, b := &bucket{name: "a"}, &bucket{name: "b"}
	inst := &component{guest: newGuest(), exports: zoo.BindVisitor(visitor{err: abi.Fail(zoo.TypesErrorAt(zoo.Point{X: 4}))})}
	exp, err := zoo.ResolveVisitor(inst)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := exp.Visit(ctx, inst, a, abi.Some[zoo.Bucket](b)); got != "a+b" || err != nil {
		t.Errorf("Visit = %q, %v", got, err)
	}
	_, err = exp.Visit(ctx, inst, a, abi.None[zoo.Bucket]())
	var failed *abi.Failure[zoo.StoreError]
	if !errors.As(err, &failed) || failed.Value != zoo.StoreErrorFailed("a") {
		t.Errorf("Visit without another: %v", err)
	}
	var raised *abi.Failure[zoo.TypesError]
	if err := exp.Raise(ctx, inst); !errors.As(err, &raised) || raised.Value.At.X != 4 {
		t.Errorf("Raise: %v", err)
	}
	if inst.calls != 3 {
		t.Errorf("%d calls reached the instance, want 3", inst.calls)
	}
}

func TestExportStubsOfEveryKind(t *testing.T) {
	ctx := context.Background()
	inst := &component{guest: newGuest(), exports: zoo.BindKinds(&echo{})}
	exp, err := zoo.ResolveKinds(inst)
	if err != nil {
		t.Fatal(err)
	}
	crate := zoo.Crate{
		Name: "x", Tags: []string{"t"}, Raw: []byte{1}, Size: abi.Some(uint64(3)), Level: zoo.LevelHigh, Marks: zoo.ManyF3,
		Nested: []abi.Option[abi.Tuple2[uint8, uint16]]{abi.Some(abi.Tuple2[uint8, uint16]{F0: 1, F1: 2})},
		Plain:  abi.Result[struct{}, struct{}]{IsErr: true},
	}
	if got, err := exp.EchoCrate(ctx, inst, crate); err != nil || !reflect.DeepEqual(got, crate) {
		t.Errorf("EchoCrate = %+v, %v", got, err)
	}
	shapes := []zoo.Shape{zoo.ShapeNone(), zoo.ShapeCircle(2), zoo.ShapePoly([]zoo.Point{{X: 1, Y: 2}})}
	if got, err := exp.Shapes(ctx, inst, shapes); err != nil || !reflect.DeepEqual(got, shapes) {
		t.Errorf("Shapes = %+v, %v", got, err)
	}
	if err := exp.Bare(ctx, inst, true); err == nil {
		t.Error("Bare(true): no error")
	}
	if err := exp.Nothing(ctx, inst); err != nil {
		t.Errorf("Nothing: %v", err)
	}
}

func TestResolveChecksTypes(t *testing.T) {
	wrong := *zoo.BindVisitor(visitor{})
	wrong.Funcs = append([]abi.Func(nil), wrong.Funcs...)
	wrong.Funcs[0].Type = wrong.Funcs[1].Type
	if _, err := zoo.ResolveVisitor(&component{exports: &wrong}); err == nil {
		t.Error("an export of another type was resolved")
	}
	if _, err := zoo.ResolveVisitor(&component{exports: &abi.Interface{}}); err == nil {
		t.Error("an export that is not there was resolved")
	}
}

// TestStubsOfGoResources: where the component imports the interface of a
// resource, what stubs answer is the Go value itself.
func TestStubsOfGoResources(t *testing.T) {
	ctx := context.Background()
	inst := &component{guest: newGuest(), exports: zoo.BindStore(&store{})}
	exp, err := zoo.ResolveStore(inst)
	if err != nil {
		t.Fatal(err)
	}
	a, err := exp.NewBucket(ctx, inst, "a")
	if _, is := a.(*bucket); err != nil || !is {
		t.Fatalf("NewBucket = %v, %v", a, err)
	}
	b, err := exp.NewBucket(ctx, inst, "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := exp.BucketSet(ctx, inst, b, "k", []byte("v")); err != nil {
		t.Error(err)
	}
	if merged, err := exp.Merge(ctx, inst, a, b); merged != a || err != nil {
		t.Errorf("Merge = %v, %v", merged, err)
	}
	if v, err := exp.BucketGet(ctx, inst, a, "k"); err != nil || string(v.Value) != "v" {
		t.Errorf("BucketGet = %v, %v", v, err)
	}
	var failed *abi.Failure[zoo.StoreError]
	if _, err := exp.BucketOpen(ctx, inst, "c"); !errors.As(err, &failed) {
		t.Errorf("BucketOpen of what is not there: %v", err)
	}
	if all, err := exp.All(ctx, inst); err != nil || len(all) != 2 || all[1] != b {
		t.Errorf("All = %v, %v", all, err)
	}
	if err := exp.DropBucket(ctx, a); !errors.Is(err, errcode.Invalid) || a.(*bucket).dropped {
		t.Errorf("DropBucket of a Go value: %v", err)
	}
}
