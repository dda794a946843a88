// Memory for the preview 1 adapter, inside the program's own data. Debian's
// wasi-libc takes memory that others grow for its own.
#include <stddef.h>

static _Alignas(65536) char block[3 * 65536];
static size_t used;

__attribute__((export_name("cabi_realloc_adapter"))) void *cabi_realloc_adapter(void *old, size_t old_size, size_t align, size_t size) {
  size_t at = (used + align - 1) & ~(align - 1);
  if (at > sizeof block || size > sizeof block - at) __builtin_trap();
  used = at + size;
  if (old_size > 0) __builtin_memcpy(block + at, old, old_size < size ? old_size : size);
  return block + at;
}
