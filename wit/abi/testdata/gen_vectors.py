"""Records what the canonical ABI's reference interpreter does.

Usage: DEFINITIONS_PY=.../canonical-abi/definitions.py python3 gen_vectors.py > vectors.json

definitions.py is that of WebAssembly/component-model; it is not part of this
repository. The output depends on nothing but that file and the seed, which is
SEED or the one below.
oracle_test.go replays it.

Types and values are written as JSON: see build and value_json.
"""
import importlib.util
import json
import os
import random
import struct
import sys
import types

spec = importlib.util.spec_from_file_location('definitions', os.environ['DEFINITIONS_PY'])
d = importlib.util.module_from_spec(spec)
sys.modules['definitions'] = d
spec.loader.exec_module(d)
d.DETERMINISTIC_PROFILE = True

rnd = random.Random(int(os.environ.get('SEED', 20240917)))
RT = d.ResourceType(None)
ENCODINGS = ['utf8', 'utf16', 'latin1+utf16']
PRIMS = {
    'bool': d.BoolType, 's8': d.S8Type, 'u8': d.U8Type, 's16': d.S16Type, 'u16': d.U16Type,
    's32': d.S32Type, 'u32': d.U32Type, 's64': d.S64Type, 'u64': d.U64Type,
    'f32': d.F32Type, 'f64': d.F64Type, 'char': d.CharType, 'string': d.StringType,
}


def build(t):
    """The reference interpreter's type for a type in JSON."""
    if t is None:
        return None
    if isinstance(t, str):
        return PRIMS[t]()
    match t:
        case ['own']: return d.OwnType(RT)
        case ['borrow']: return d.BorrowType(RT)
        case ['stream', e]: return d.StreamType(build(e))
        case ['future', e]: return d.FutureType(build(e))
        case ['error-context']: return d.ErrorContextType()
        case ['list', e]: return d.ListType(build(e))
        case ['list', e, n]: return d.ListType(build(e), n)
        case ['map', k, v]: return d.MapType(build(k), build(v))
        case ['record', fs]: return d.RecordType([d.FieldType(f'f{i}', build(f)) for i, f in enumerate(fs)])
        case ['tuple', fs]: return d.TupleType([build(f) for f in fs])
        case ['variant', cs]: return d.VariantType([d.CaseType(f'c{i}', build(c)) for i, c in enumerate(cs)])
        case ['enum', n]: return d.EnumType([f'e{i}' for i in range(n)])
        case ['option', e]: return d.OptionType(build(e))
        case ['result', ok, err]: return d.ResultType(build(ok), build(err))
        case ['flags', n]: return d.FlagsType([f'b{i}' for i in range(n)])
    raise ValueError(t)


HANDLES = ['borrow', 'stream', 'future', 'error-context']


def rand_type(depth, handles=()):
    """A random type; those of handles have no values here, only places."""
    if depth == 0 or rnd.random() < 0.3:
        return rnd.choice(list(PRIMS))
    sub = lambda: rand_type(depth - 1, handles)
    maybe = lambda: sub() if rnd.random() < 0.7 else None
    several = lambda: [sub() for _ in range(rnd.randint(1, 4))]
    match rnd.choice(['list', 'fixed', 'map', 'record', 'tuple', 'variant', 'enum', 'option', 'result', 'flags', 'own', *handles]):
        case 'list': return ['list', sub()]
        case 'fixed': return ['list', sub(), rnd.randint(1, 4)]
        case 'map': return ['map', rnd.choice(list(PRIMS)), sub()]
        case 'record': return ['record', several()]
        case 'tuple': return ['tuple', several()]
        case 'variant': return ['variant', [maybe() for _ in range(rnd.randint(1, 4))]]
        case 'enum': return ['enum', rnd.choice([1, 2, 3, 256, 257])]
        case 'option': return ['option', sub()]
        case 'result': return ['result', maybe(), maybe()]
        case 'flags': return ['flags', rnd.choice([1, 7, 8, 9, 16, 17, 31, 32])]
        case 'own': return ['own']
        case 'stream' | 'future' as kind: return [kind, maybe()]
        case handle: return [handle]


def rand_int(bits, signed):
    lo, hi = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return rnd.choice([lo, hi, 0, 1, rnd.randint(lo, hi), rnd.randint(lo, hi)])


def rand_text():
    top = rnd.choice([0x80, 0x100, 0x100, 0x800, 0x10000, 0x110000])
    n = rnd.choice([0, 1, 2, 5, 9])
    out = ''
    while len(out) < n:
        c = rnd.randrange(1, top if rnd.random() < 0.5 else 0x80)
        if not 0xd800 <= c <= 0xdfff:
            out += chr(c)
    return out


def host_string(s):
    return (s, 'utf8', len(s.encode()))


def rand_value(t):
    """A random value of t as the reference interpreter keeps it."""
    if isinstance(t, str):
        match t:
            case 'bool': return rnd.random() < 0.5
            case 'char': return (rand_text() + 'x')[0]
            case 'string': return host_string(rand_text())
            case 'f32': return struct.unpack('<f', rnd.randbytes(4))[0]
            case 'f64': return struct.unpack('<d', rnd.randbytes(8))[0]
        return rand_int(int(t[1:]), t[0] == 's')
    match t:
        case ['own']: return rnd.randint(1, 1000)
        case ['list', e]: return [rand_value(e) for _ in range(rnd.randint(0, 3))]
        case ['list', e, n]: return [rand_value(e) for _ in range(n)]
        case ['map', k, v]: return [{'0': rand_value(k), '1': rand_value(v)} for _ in range(rnd.randint(0, 3))]
        case ['record', fs]: return {f'f{i}': rand_value(f) for i, f in enumerate(fs)}
        case ['tuple', fs]: return {str(i): rand_value(f) for i, f in enumerate(fs)}
        case ['variant', cs]:
            i = rnd.randrange(len(cs))
            return {f'c{i}': None if cs[i] is None else rand_value(cs[i])}
        case ['enum', n]: return {f'e{rnd.randrange(n)}': None}
        case ['option', e]: return rnd.choice([{'none': None}, {'some': rand_value(e)}])
        case ['result', ok, err]:
            name, side = rnd.choice([('ok', ok), ('error', err)])
            return {name: None if side is None else rand_value(side)}
        case ['flags', n]: return {f'b{i}': rnd.random() < 0.5 for i in range(n)}


def value_json(t, v):
    """A value for the vectors: floats by their bits, cases by index."""
    if isinstance(t, str):
        match t:
            case 'bool': return bool(v)
            case 'char': return ord(v)
            case 'string': return v[0]
            case 'f32': return d.encode_float_as_i32(v)
            case 'f64': return d.encode_float_as_i64(v)
        return v
    match t:
        case ['own']: return v
        case ['list', e, *_]: return [value_json(e, x) for x in v]
        case ['map', k, e]: return [[value_json(k, x['0']), value_json(e, x['1'])] for x in v]
        case ['record', fs] | ['tuple', fs]: return [value_json(f, x) for f, x in zip(fs, v.values())]
        case ['flags', _]: return sum(int(x) << i for i, x in enumerate(v.values()))
    [(name, payload)] = v.items()
    match t:
        case ['variant', cs]: i, side = int(name[1:]), cs[int(name[1:])]
        case ['enum', n]: return int(name[1:])
        case ['option', e]: i, side = (1, e) if name == 'some' else (0, None)
        case ['result', ok, err]: i, side = (1, err) if name == 'error' else (0, ok)
    return [i] if side is None else [i, value_json(side, payload)]


class Context(d.LiftLowerContext):
    """A guest whose realloc never reuses anything, as heap in heap_test.go."""

    def __init__(self, encoding):
        memory = d.MemInst(bytearray(1 << 14), 'i32')
        inst = types.SimpleNamespace(handles=d.Table(), may_leave=True)
        super().__init__(d.LiftLowerOptions(encoding, memory), inst)
        self.last, self.log = 16, []

    def reallocate(self, old, old_size, align, new_size):
        ptr = d.align_to(self.last, align)
        assert ptr + new_size <= len(self.opts.memory), 'guest is out of memory'
        self.last = ptr + new_size
        n = min(old_size, new_size)
        self.opts.memory[ptr:ptr + n] = self.opts.memory[old:old + n]
        self.log.append([old, old_size, align, new_size, ptr])
        return ptr

    def place(self, t):
        ptr = self.allocate(d.alignment(t, 'i32'), d.elem_size(t, 'i32'))
        self.log = []
        return ptr

    def hex(self):
        return bytes(self.opts.memory[16:self.last]).hex()

    def cut(self):
        """Ends the memory where the last allocation does."""
        self.opts.memory.bytes = self.opts.memory.bytes[:self.last]


def flat_bits(core, v):
    match core:
        case 'f32': return d.encode_float_as_i32(v)
        case 'f64': return d.encode_float_as_i64(v)
    return v


def from_bits(core, bits):
    match core:
        case 'f32': return struct.unpack('<f', struct.pack('<I', bits))[0]
        case 'f64': return struct.unpack('<d', struct.pack('<Q', bits))[0]
    return bits


def lifted(t, f):
    """What f lifts, or that it traps."""
    try:
        return {'value': value_json(t, f())}
    except d.Trap:
        return {'trap': True}


def layouts():
    fixed = [['enum', n] for n in (1, 255, 256, 257, 65536, 65537)] + [['flags', n] for n in range(1, 33, 5)]
    out = []
    places = [['borrow'], ['error-context'], ['stream', None], ['stream', 'u64'], ['future', None], ['future', ['list', 'u8']]]
    for t in fixed + places + [rand_type(3) for _ in range(90)] + [rand_type(3, HANDLES) for _ in range(60)]:
        bt = build(t)
        flat = d.flatten_type(bt, d.LiftLowerOptions('utf8', d.MemInst(bytearray(), 'i32')))
        out.append({'type': t, 'size': d.elem_size(bt, 'i32'), 'align': d.alignment(bt, 'i32'),
                    'flat': ' '.join(flat) if len(flat) <= 16 else None})
    return out


def stores():
    out = []
    while len(out) < 110:
        t = rand_type(3)
        bt, v, enc = build(t), rand_value(t), rnd.choice(ENCODINGS)
        cx = Context(enc)
        ptr = cx.place(bt)
        d.store(cx, v, bt, ptr)
        case = {'type': t, 'enc': enc, 'value': value_json(t, v), 'mem': cx.hex(), 'log': cx.log}
        cores = d.flatten_type(bt, cx.opts)
        if len(cores) <= 16:
            cx = Context(enc)
            cx.place(bt)
            flat = d.lower_flat(cx, v, bt)
            assert cx.log == case['log']
            case['flat'] = [flat_bits(c, x) for c, x in zip(cores, flat)]
        if len(case['mem']) < 1500:
            out.append(case)
    return out


def loads():
    """Memory of which a few bytes were changed after a store."""
    out = []
    while len(out) < 170:
        t = rand_type(3)
        bt, enc = build(t), rnd.choice(ENCODINGS)
        cx = Context(enc)
        ptr = cx.place(bt)
        d.store(cx, rand_value(t), bt, ptr)
        for _ in range(rnd.randint(0, 3)):
            at = rnd.randrange(ptr, cx.last)
            cx.opts.memory[at] = rnd.choice([0, 1, 2, 16, 0x7f, 0x80, 0xff, rnd.randrange(256)])
        case = {'type': t, 'enc': enc, 'mem': cx.hex(), 'owns': [h.rep for h in cx.inst.handles]}
        cx.cut()
        case |= lifted(t, lambda: d.load(cx, ptr, bt))
        if len(json.dumps(case)) < 1500:
            out.append(case)
    return out


def flat_lifts():
    """Flat values of which a few were changed after a lower."""
    out = []
    while len(out) < 150:
        t = rand_type(3) if rnd.random() < 0.3 else ['variant', [rand_type(2) for _ in range(rnd.randint(1, 4))]]
        bt, enc = build(t), rnd.choice(ENCODINGS)
        cx = Context(enc)
        cores = d.flatten_type(bt, cx.opts)
        if len(cores) > 16:
            continue
        flat = [flat_bits(c, x) for c, x in zip(cores, d.lower_flat(cx, rand_value(t), bt))]
        for _ in range(rnd.randint(0, 2)):
            i = rnd.randrange(len(flat))
            bits = int(cores[i][1:])
            change = rnd.choice([0, 1, 2, 1 << bits - 1, rnd.getrandbits(bits), rnd.getrandbits(21)])
            flat[i] = flat[i] ^ change if rnd.random() < 0.5 else change
        case = {'type': t, 'enc': enc, 'mem': cx.hex(), 'owns': [h.rep for h in cx.inst.handles], 'flat': flat}
        cx.cut()
        vs = d.CoreValueIter([from_bits(c, x) for c, x in zip(cores, flat)])
        case |= lifted(t, lambda: d.lift_flat(cx, vs, bt))
        if len(json.dumps(case)) < 1500:
            out.append(case)
    return out


def copies():
    """Values that go from one guest to another."""
    texts = ['', 'a', 'ascii', '\u00e9', 'a\u00e9', '\u00e9a', 'a\u00f1b', '\u0100', 'a\u0100', '\u00e9\u0100',
             'ab\u20ac', '\u20acab', '\U0001f44b', 'a\U0001f44bb', '\u00e9\U0001f44b', '\u07ff', '\uffff',
             '\u00ff' * 5, '\u00e9' * 3 + '\U0010ffff']
    jobs = [('string', host_string(s), a, b) for s in texts for a in ENCODINGS for b in ENCODINGS]
    for _ in range(60):
        t = rand_type(3)
        jobs.append((t, rand_value(t), rnd.choice(ENCODINGS), rnd.choice(ENCODINGS)))
    out = []
    for t, v, a, b in jobs:
        bt, src, dst = build(t), Context(a), Context(b)
        sp = src.place(bt)
        d.store(src, v, bt, sp)
        if len(src.hex()) > 1000:
            continue
        dp = dst.place(bt)
        d.store(dst, d.load(src, sp, bt), bt, dp)
        out.append({'type': t, 'value': value_json(t, v), 'from': a, 'to': b, 'mem': dst.hex(), 'log': dst.log})
    return out


def tagged_copies():
    """UTF-16 in a latin1+utf16 guest, whose characters may be Latin-1 after all."""
    out = []
    for s in ['', 'a', 'a\u00e9', '\u0100', 'a\u0100', '\U0001f44b']:
        for b in ENCODINGS:
            src, dst = Context('latin1+utf16'), Context(b)
            units = s.encode('utf-16-le')
            ptr = src.allocate(2, len(units))
            src.opts.memory[ptr:ptr + len(units)] = units
            v = d.load_string_from_range(src, ptr, len(units) // 2 | d.utf16_tag('i32'))
            begin, tagged = d.store_string_into_range(dst, v)
            out.append({'text': s, 'to': b, 'mem': dst.hex(), 'log': dst.log, 'ptr': begin, 'tagged': tagged})
    return out


def functions():
    out = []
    for _ in range(60):
        params = [rand_type(2, HANDLES) for _ in range(rnd.choice([0, 1, 2, 4, 9]))]
        result = rand_type(2, HANDLES[1:]) if rnd.random() < 0.8 else None
        ft = d.FuncType([build(p) for p in params], [] if result is None else [build(result)])
        case = {'params': params, 'result': result}
        for name, context, async_, callback in [
                ('lift', 'lift', False, None), ('lower', 'lower', False, None), ('lift-async', 'lift', True, None),
                ('lift-callback', 'lift', True, lambda: None), ('lower-async', 'lower', True, None)]:
            opts = d.CanonicalOptions('utf8', d.MemInst(bytearray(), 'i32'), async_=async_, callback=callback)
            sig = d.flatten_functype(opts, ft, context)
            case[name] = ' '.join(sig.params) + ' -> ' + ' '.join(sig.results)
        out.append(case)
    return out


tables = {f.__name__: f() for f in (layouts, stores, loads, flat_lifts, copies, tagged_copies, functions)}
print('{')
for i, (name, rows) in enumerate(tables.items()):
    print(f'"{name}": [')
    print(',\n'.join(json.dumps(r, separators=(',', ':'), ensure_ascii=True) for r in rows))
    print(']' + (',' if i + 1 < len(tables) else ''))
print('}')
