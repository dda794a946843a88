// An HTTP component in C without a C library and without generated bindings: the
// canonical ABI by hand. What the host allocates for a request lies in one block
// that starts empty at each request.
#include <stddef.h>
#include <stdint.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define TYPES "wasi:http/types@0.2.12"
#define STREAMS "wasi:io/streams@0.2.12"

typedef uint32_t handle;
typedef struct { const char *bytes; uint32_t length; } text;
#define TEXT(s) ((text){ (s), sizeof(s) - 1 })

IMPORT(TYPES, "[method]incoming-request.path-with-query") void request_path(handle request, void *area);
IMPORT(TYPES, "[resource-drop]incoming-request") void request_drop(handle request);
IMPORT(TYPES, "[static]fields.from-list") void fields_from_list(const void *pairs, uint32_t count, void *area);
IMPORT(TYPES, "[constructor]outgoing-response") handle response_new(handle headers);
IMPORT(TYPES, "[method]outgoing-response.set-status-code") uint32_t response_set_status(handle response, uint32_t status);
IMPORT(TYPES, "[method]outgoing-response.body") void response_body(handle response, void *area);
// The result<outgoing-response, error-code> is flattened: the case, then the widest
// payload of error-code.
IMPORT(TYPES, "[static]response-outparam.set")
void response_send(handle out, uint32_t is_error, uint32_t response, uint32_t, uint64_t, uint32_t, uint32_t, uint32_t, uint32_t);
IMPORT(TYPES, "[method]outgoing-body.write") void body_write(handle body, void *area);
IMPORT(TYPES, "[static]outgoing-body.finish") void body_finish(handle body, uint32_t has_trailers, handle trailers, void *area);
IMPORT(STREAMS, "[method]output-stream.blocking-write-and-flush") void stream_write(handle stream, const void *bytes, uint32_t length, void *area);
IMPORT(STREAMS, "[resource-drop]output-stream") void stream_drop(handle stream);

static _Alignas(16) char block[1 << 16];
static size_t used;

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  size_t at = (used + align - 1) & ~(align - 1);
  if (at > sizeof block || size > sizeof block - at) __builtin_trap();
  used = at + size;
  for (size_t i = 0; i < old_size && i < size; i++) block[at + i] = ((char *)old)[i];
  return block + at;
}

// The host takes at most 4096 bytes at a time; a failed write ends the body.
static int write_text(handle stream, text t) {
  _Alignas(8) char area[16];
  while (t.length > 0) {
    uint32_t n = t.length < 4096 ? t.length : 4096;
    stream_write(stream, t.bytes, n, area);
    if (area[0] != 0) return 0;
    t.bytes += n;
    t.length -= n;
  }
  return 1;
}

EXPORT("wasi:http/incoming-handler@0.2.12#handle") void handle_request(handle request, handle out) {
  // A return area: a result's or option's case in the first byte, the payload from the fourth on.
  _Alignas(8) char area[64];
  uint32_t *words = (uint32_t *)area;
  used = 0;

  request_path(request, area);
  text path = area[0] ? (text){ (const char *)words[1], words[2] } : TEXT("/");
  request_drop(request);

  const text headers[1][2] = { { TEXT("content-type"), TEXT("text/plain; charset=utf-8") } };
  fields_from_list(headers, 1, area);
  if (area[0] != 0) __builtin_trap();
  handle response = response_new(words[1]);
  if (response_set_status(response, 200) != 0) __builtin_trap();
  response_body(response, area);
  if (area[0] != 0) __builtin_trap();
  handle body = words[1];
  response_send(out, 0, response, 0, 0, 0, 0, 0, 0);

  body_write(body, area);
  if (area[0] != 0) __builtin_trap();
  handle stream = words[1];
  int whole = write_text(stream, TEXT("Hello from C, ")) && write_text(stream, path) && write_text(stream, TEXT("\n"));
  stream_drop(stream);
  if (whole) body_finish(body, 0, 0, area);
}
