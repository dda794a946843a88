;; Memory for the preview 1 adapter, in pages of its own: it must not call a Go
;; program that has not started yet.
(module
  (import "main" "memory" (memory 0))
  (func (export "cabi_realloc_adapter") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $page i32)
    (local.set $page (memory.grow (i32.shr_u (i32.add (local.get $size) (i32.const 65535)) (i32.const 16))))
    (if (i32.eq (local.get $page) (i32.const -1)) (then (unreachable)))
    (if (local.get $old_size)
      (then (memory.copy (i32.shl (local.get $page) (i32.const 16)) (local.get $old) (local.get $old_size))))
    (i32.shl (local.get $page) (i32.const 16))))
