// The guest of the benchmarks: freestanding C with a bump allocator that starts
// over at each call.
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;
#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define KV "wasi:keyvalue/store@0.2.0-draft"
#define LOOPS "latticework:perf/loops@0.1.0#"

IMPORT(KV, "open") void kv_open(const char *, u32, void *);
IMPORT(KV, "[method]bucket.get") void bucket_get(u32, const char *, u32, void *);
IMPORT(KV, "[resource-drop]bucket") void bucket_drop(u32);

static u8 heap[1 << 16] __attribute__((aligned(16)));
static u32 top;

EXPORT("cabi_realloc") void *cabi_realloc(void *old, u32 old_size, u32 align, u32 size) {
  (void)old, (void)old_size;
  u32 at = (top + align - 1) & ~(align - 1);
  if (at + size > sizeof heap) __builtin_trap();
  top = at + size;
  return heap + at;
}

EXPORT(LOOPS "gets") u64 gets(u32 n) {
  _Alignas(8) u8 area[32];
  u32 *words = (u32 *)area;
  top = 0;
  kv_open("perf", 4, area);
  if (area[0]) __builtin_trap();
  u32 bucket = words[1];
  u64 sum = 0;
  for (u32 i = 0; i < n; i++) {
    top = 0;
    bucket_get(bucket, "k", 1, area); // result<option<list<u8>>, error>
    if (area[0]) __builtin_trap();
    if (area[4]) sum += words[3];
  }
  bucket_drop(bucket);
  return sum;
}

EXPORT(LOOPS "add") u32 add(u32 a, u32 b) { return a + b; }

static u32 pair[2];
EXPORT(LOOPS "echo") u32 *echo(u8 *s, u32 n) {
  top = 0;
  pair[0] = (u32)s, pair[1] = n;
  return pair;
}

EXPORT(LOOPS "spin") u64 spin(u64 n) {
  volatile u64 x = 1;
  for (u64 i = 0; i < n; i++) x = x * 3 + i;
  return x;
}
