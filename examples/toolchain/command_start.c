// The start of a command that becomes a component. Calling the constructors here
// keeps wasm-ld from wrapping every other export in calls to them.
extern void __wasm_call_ctors(void);
extern void __wasm_call_dtors(void);
extern int __main_void(void);

__attribute__((import_module("wasi:cli/exit@0.2.12"), import_name("exit-with-code"))) void exit_with_code(int status);

// Takes the place of the C library's (--wrap): the preview 1 adapter hands on
// success and failure alone.
_Noreturn void __wrap___wasi_proc_exit(unsigned status) {
  exit_with_code(status & 0xff);
  __builtin_trap();
}

__attribute__((export_name("_start"))) void _start(void) {
  __wasm_call_ctors();
  int status = __main_void();
  __wasm_call_dtors();
  if (status != 0) __wrap___wasi_proc_exit((unsigned)status);
}
