// The guest of the benchmarks that move much data: freestanding C. What the host
// allocates for a call lies in one block that starts over at each piece.
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;
#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define HTTP "wasi:http/types@0.2.12"
#define STREAMS "wasi:io/streams@0.2.12"
#define POLL "wasi:io/poll@0.2.12"
#define FILES "wasi:filesystem/types@0.2.12"
#define PREOPENS "wasi:filesystem/preopens@0.2.12"
#define BULK "latticework:perf/bulk@0.1.0#"

IMPORT(HTTP, "[method]incoming-request.path-with-query") void request_path(u32, void *);
IMPORT(HTTP, "[method]incoming-request.consume") void request_consume(u32, void *);
IMPORT(HTTP, "[method]incoming-body.stream") void body_stream(u32, void *);
IMPORT(HTTP, "[resource-drop]incoming-body") void incoming_drop(u32);
IMPORT(HTTP, "[resource-drop]incoming-request") void request_drop(u32);
IMPORT(HTTP, "[constructor]fields") u32 fields_new(void);
IMPORT(HTTP, "[constructor]outgoing-response") u32 response_new(u32);
IMPORT(HTTP, "[method]outgoing-response.body") void response_body(u32, void *);
IMPORT(HTTP, "[static]response-outparam.set") void response_send(u32, u32, u32, u32, u64, u32, u32, u32, u32);
IMPORT(HTTP, "[method]outgoing-body.write") void body_write(u32, void *);
IMPORT(HTTP, "[static]outgoing-body.finish") void body_finish(u32, u32, u32, void *);
IMPORT(STREAMS, "[method]input-stream.blocking-read") void stream_read(u32, u64, void *);
IMPORT(STREAMS, "[resource-drop]input-stream") void input_drop(u32);
IMPORT(STREAMS, "[method]output-stream.check-write") void stream_check(u32, void *);
IMPORT(STREAMS, "[method]output-stream.write") void stream_write(u32, const void *, u32, void *);
IMPORT(STREAMS, "[method]output-stream.subscribe") u32 stream_subscribe(u32);
IMPORT(STREAMS, "[resource-drop]output-stream") void output_drop(u32);
IMPORT(POLL, "[method]pollable.block") void pollable_block(u32);
IMPORT(POLL, "[resource-drop]pollable") void pollable_drop(u32);
IMPORT(PREOPENS, "get-directories") void get_directories(void *);
IMPORT(FILES, "[method]descriptor.open-at") void open_at(u32, u32, const char *, u32, u32, u32, void *);
IMPORT(FILES, "[method]descriptor.read") void file_read(u32, u64, u64, void *);
IMPORT(FILES, "[method]descriptor.read-via-stream") void file_stream(u32, u64, void *);
IMPORT(FILES, "[resource-drop]descriptor") void descriptor_drop(u32);

#define PIECE (64 << 10)
static u8 heap[2 * PIECE] __attribute__((aligned(16)));
static u8 zeroes[1 << 20];
static u32 top;

EXPORT("cabi_realloc") void *cabi_realloc(void *old, u32 old_size, u32 align, u32 size) {
  (void)old, (void)old_size;
  u32 at = (top + align - 1) & ~(align - 1);
  if (at > sizeof heap || size > sizeof heap - at) __builtin_trap();
  top = at + size;
  return heap + at;
}

// drain reads a stream to its end and returns how many bytes it had.
static u64 drain(u32 stream) {
  _Alignas(8) u8 area[16];
  u32 *words = (u32 *)area;
  u64 n = 0;
  for (;;) { // result<list<u8>, stream-error>; the end is stream-error.closed
    top = 0;
    stream_read(stream, PIECE, area);
    if (area[0]) break;
    n += words[2];
  }
  if (area[4] != 1) __builtin_trap();
  return n;
}

// send writes n bytes, as many at once as the stream allows.
static int send(u32 stream, const u8 *bytes, u64 n) {
  _Alignas(8) u8 area[24];
  while (n > 0) {
    stream_check(stream, area); // result<u64, stream-error>
    if (area[0]) return 0;
    u64 allowed = *(u64 *)(area + 8);
    if (allowed == 0) {
      u32 ready = stream_subscribe(stream);
      pollable_block(ready);
      pollable_drop(ready);
      continue;
    }
    u32 k = allowed < n ? (u32)allowed : (u32)n;
    stream_write(stream, bytes, k, area);
    if (area[0]) return 0;
    bytes += k;
    n -= k;
  }
  return 1;
}

// POST / reads the body and answers its length as text; GET /d gives d MiB.
EXPORT("wasi:http/incoming-handler@0.2.12#handle") void handle_request(u32 request, u32 out) {
  _Alignas(8) u8 area[64];
  u32 *words = (u32 *)area;
  top = 0;
  request_path(request, area);
  u64 mebibytes = area[0] && words[2] > 1 ? ((u8 *)words[1])[1] - '0' : 0;
  u8 digits[20];
  u32 at = sizeof digits;
  if (mebibytes == 0) {
    request_consume(request, area);
    if (area[0]) __builtin_trap();
    u32 in = words[1];
    body_stream(in, area);
    if (area[0]) __builtin_trap();
    u32 stream = words[1];
    u64 n = drain(stream);
    input_drop(stream);
    incoming_drop(in);
    do digits[--at] = '0' + n % 10; while ((n /= 10) > 0);
  }
  request_drop(request);

  u32 response = response_new(fields_new());
  response_body(response, area);
  if (area[0]) __builtin_trap();
  u32 body = words[1];
  response_send(out, 0, response, 0, 0, 0, 0, 0, 0);
  body_write(body, area);
  if (area[0]) __builtin_trap();
  u32 stream = words[1];
  int whole = send(stream, digits + at, sizeof digits - at);
  for (; whole && mebibytes > 0; mebibytes--) whole = send(stream, zeroes, sizeof zeroes);
  output_drop(stream);
  if (whole) body_finish(body, 0, 0, area);
}

// open_file opens a file in the first folder that is granted.
static u32 open_file(const char *name, u32 length) {
  _Alignas(8) u8 area[16];
  u32 *words = (u32 *)area;
  get_directories(area); // list<tuple<descriptor, string>>
  if (words[1] != 1) __builtin_trap();
  u32 folder = *(u32 *)words[0];
  open_at(folder, 1, name, length, 0, 1, area); // symlink-follow; read
  if (area[0]) __builtin_trap();
  u32 file = words[1];
  descriptor_drop(folder);
  return file;
}

EXPORT(BULK "read-file") u64 read_file(const char *name, u32 length) {
  _Alignas(8) u8 area[24];
  u32 *words = (u32 *)area;
  u32 file = open_file(name, length);
  u64 n = 0;
  do { // result<tuple<list<u8>, bool>, error-code>
    top = 0;
    file_read(file, PIECE, n, area);
    if (area[0]) __builtin_trap();
    n += words[2];
  } while (!area[12]);
  descriptor_drop(file);
  return n;
}

EXPORT(BULK "stream-file") u64 stream_file(const char *name, u32 length) {
  _Alignas(8) u8 area[16];
  u32 file = open_file(name, length);
  file_stream(file, 0, area);
  if (area[0]) __builtin_trap();
  u32 stream = ((u32 *)area)[1];
  u64 n = drain(stream);
  input_drop(stream);
  descriptor_drop(file);
  return n;
}
