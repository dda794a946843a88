package providertest

import (
	"context"
	"fmt"
	"sync"

	"latticework/internal/errcode"
	"latticework/providers"
	"latticework/providers/keyvalue"
	"latticework/wit"
	"latticework/wit/abi"
	"latticework/wit/value"
)

// wire is a session as a caller on another host sees it: bytes in, bytes out,
// buckets as numbers.
type wire struct {
	session providers.Session
	handles *handles
}

func newWire(s providers.Session) *wire {
	return &wire{session: s, handles: &handles{reps: make(map[uint32]any)}}
}

// call makes one call; put writes the parameters, get reads the ok case.
func (w *wire) call(ctx context.Context, iface, name string, put func(*value.Encoder), get func(*value.Decoder)) error {
	f := w.find(iface, name)
	if f == nil {
		return fmt.Errorf("%w: no function %s in %s", errNotAnAnswer, name, iface)
	}
	var in, out value.Encoder
	put(&in)
	if err := in.Err(); err != nil {
		return fmt.Errorf("%w: %w", errNotAnAnswer, err)
	}
	c := &abi.WireCall{In: value.NewDecoder(in.Buf), Out: &out, Handles: w.handles}
	if err := f.Wire(ctx, c); err != nil {
		return fmt.Errorf("%w: %w", errNotAnAnswer, err)
	}
	d := value.NewDecoder(out.Buf)
	failed := d.Disc(2) == 1
	var err error
	switch {
	case !failed && get != nil:
		get(d)
	case failed:
		switch keyvalue.ErrorCase(d.Disc(3)) {
		case keyvalue.ErrorCaseNoSuchStore:
			err = errcode.New(errcode.NotFound, "no-such-store")
		case keyvalue.ErrorCaseAccessDenied:
			err = errcode.New(errcode.Denied, "access-denied")
		default:
			err = errcode.New(wireOther, "%s", d.String())
		}
	}
	if e := d.Finish(); e != nil {
		return fmt.Errorf("%w: %w", errNotAnAnswer, e)
	}
	return err
}

func (w *wire) find(iface, name string) *abi.Func {
	for _, i := range w.session.Interfaces() {
		if i.Name != iface {
			continue
		}
		for n := range i.Funcs {
			if i.Funcs[n].Name == name {
				return &i.Funcs[n]
			}
		}
	}
	return nil
}

func (w *wire) Open(ctx context.Context, bucket string) (keyvalue.Keys, error) {
	var handle uint32
	err := w.call(ctx, keyvalue.StoreName, "open",
		func(e *value.Encoder) { e.PutString(bucket) },
		func(d *value.Decoder) { handle = d.U32() })
	if err != nil {
		return nil, err
	}
	return &wireKeys{w, handle}, nil
}

func (w *wire) Probe(ctx context.Context) error { return w.session.Probe(ctx) }
func (w *wire) Close(ctx context.Context) error { return w.session.Close(ctx) }

// wireKeys is an open bucket.
type wireKeys struct {
	*wire
	handle uint32
}

func (k *wireKeys) method(ctx context.Context, name string, put func(*value.Encoder), get func(*value.Decoder)) error {
	return k.call(ctx, keyvalue.StoreName, "[method]bucket."+name, func(e *value.Encoder) { e.PutU32(k.handle); put(e) }, get)
}

func (k *wireKeys) Get(ctx context.Context, key string) (e keyvalue.Entry, err error) {
	err = k.method(ctx, "get", func(e *value.Encoder) { e.PutString(key) }, func(d *value.Decoder) {
		if e.Found = d.Disc(2) == 1; e.Found {
			e.Value = d.Bytes()
		}
	})
	return e, err
}

func (k *wireKeys) Set(ctx context.Context, key string, v []byte) error {
	return k.method(ctx, "set", func(e *value.Encoder) { e.PutString(key); e.PutBytes(v) }, nil)
}

func (k *wireKeys) Delete(ctx context.Context, key string) error {
	return k.method(ctx, "delete", func(e *value.Encoder) { e.PutString(key) }, nil)
}

func (k *wireKeys) Exists(ctx context.Context, key string) (found bool, err error) {
	err = k.method(ctx, "exists", func(e *value.Encoder) { e.PutString(key) }, func(d *value.Decoder) { found = d.Bool() })
	return found, err
}

func (k *wireKeys) List(ctx context.Context, cursor uint64, _ int) (page keyvalue.Page, err error) {
	put := func(e *value.Encoder) {
		if cursor == 0 {
			e.PutDisc(0, 2)
			return
		}
		e.PutDisc(1, 2)
		e.PutU64(cursor)
	}
	err = k.method(ctx, "list-keys", put, func(d *value.Decoder) {
		for range d.Len(1) {
			page.Keys = append(page.Keys, d.String())
		}
		if d.Disc(2) == 1 {
			page.Next = d.U64()
		}
	})
	return page, err
}

func (k *wireKeys) Increment(ctx context.Context, key string, delta uint64) (sum uint64, err error) {
	err = k.call(ctx, keyvalue.AtomicsName, "increment",
		func(e *value.Encoder) { e.PutU32(k.handle); e.PutString(key); e.PutU64(delta) },
		func(d *value.Decoder) { sum = d.U64() })
	return sum, err
}

func (k *wireKeys) GetMany(ctx context.Context, keys []string) (found []keyvalue.Entry, err error) {
	err = k.call(ctx, keyvalue.BatchName, "get-many", k.putKeys(keys), func(d *value.Decoder) {
		for i := range d.Len(1) {
			var e keyvalue.Entry
			if e.Found = d.Disc(2) == 1; e.Found {
				if name := d.String(); i >= len(keys) || name != keys[i] {
					d.Fail(fmt.Errorf("get many: %q in place %d of %q", name, i, keys))
				}
				e.Value = d.Bytes()
			}
			found = append(found, e)
		}
	})
	return found, err
}

func (k *wireKeys) SetMany(ctx context.Context, pairs []keyvalue.Pair) error {
	return k.call(ctx, keyvalue.BatchName, "set-many", func(e *value.Encoder) {
		e.PutU32(k.handle)
		e.PutLen(len(pairs))
		for _, p := range pairs {
			e.PutString(p.Key)
			e.PutBytes(p.Value)
		}
	}, nil)
}

func (k *wireKeys) DeleteMany(ctx context.Context, keys []string) error {
	return k.call(ctx, keyvalue.BatchName, "delete-many", k.putKeys(keys), nil)
}

func (k *wireKeys) putKeys(keys []string) func(*value.Encoder) {
	return func(e *value.Encoder) {
		e.PutU32(k.handle)
		e.PutLen(len(keys))
		for _, key := range keys {
			e.PutString(key)
		}
	}
}

// handles is a table as a host keeps it for a caller elsewhere.
type handles struct {
	mu    sync.Mutex
	last  uint32         // guarded by mu
	reps  map[uint32]any // guarded by mu
	owner abi.Owner      // guarded by mu
}

func (h *handles) lower(rep any) uint32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	h.reps[h.last] = rep
	return h.last
}

func (h *handles) lift(i uint32, r *wit.Resource) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rep, ok := h.reps[i]
	if !ok || r != keyvalue.ResourceBucket {
		return nil, errcode.New(errcode.Trap, "lift handle %d of %s: there is none", i, r.Name)
	}
	return rep, nil
}

func (h *handles) LiftOwn(i uint32, r *wit.Resource) (any, error) {
	rep, err := h.lift(i, r)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.reps, i)
	return rep, err
}

func (h *handles) LiftBorrow(i uint32, r *wit.Resource) (any, error)    { return h.lift(i, r) }
func (h *handles) LowerOwn(rep any, _ *wit.Resource) (uint32, error)    { return h.lower(rep), nil }
func (h *handles) LowerBorrow(rep any, _ *wit.Resource) (uint32, error) { return h.lower(rep), nil }
func (h *handles) Owner(uint32) abi.Owner                               { return nil }
func (h *handles) SetOwner(o abi.Owner)                                 { h.mu.Lock(); h.owner = o; h.mu.Unlock() }
