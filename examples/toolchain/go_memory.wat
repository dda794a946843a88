;; Memory for what the host and the preview 1 adapter put into a Go program, beside
;; Go's own. The host must be able to have memory at any time, and a guest that is
;; asked for some may call nothing: Go's allocator can start a collection, which reads
;; the clock and lets other goroutines run, and before the program's start it is not
;; there. So none of this enters Go.
;;
;; Blocks are 16 bytes times a power of two, and lie at multiples of 16. Those that
;; are free are in a list for each size, each with the address of the next in its
;; first word; the last has 0.
(module
  (import "main" "memory" (memory 0))

  (global $heads (mut i32) (i32.const 0)) ;; address of the 32 lists' first blocks, or 0
  (global $next (mut i32) (i32.const 0)) ;; what was never in a block, up to $end
  (global $end (mut i32) (i32.const 0))

  ;; class is the power of two that a block for size bytes has: 4 to 31.
  (func $class (param $size i32) (result i32)
    (if (i32.gt_u (local.get $size) (i32.const 0x80000000)) (then (unreachable)))
    (i32.sub (i32.const 32) (i32.clz (i32.or (i32.sub (local.get $size) (i32.const 1)) (i32.const 8)))))

  (func $head (param $size i32) (result i32)
    (i32.add (global.get $heads) (i32.shl (call $class (local.get $size)) (i32.const 2))))

  ;; more makes room for size bytes at $next, at least 256 KiB of it.
  (func $more (param $size i32)
    (local $pages i32) (local $page i32)
    (local.set $pages (i32.shr_u (i32.add (local.get $size) (i32.const 0xffff)) (i32.const 16)))
    (if (i32.lt_u (local.get $pages) (i32.const 4)) (then (local.set $pages (i32.const 4))))
    (local.set $page (memory.grow (local.get $pages)))
    (if (i32.eq (local.get $page) (i32.const -1)) (then (unreachable)))
    (local.set $page (i32.shl (local.get $page) (i32.const 16)))
    (if (i32.ne (local.get $page) (global.get $end)) (then (global.set $next (local.get $page))))
    (global.set $end (i32.add (local.get $page) (i32.shl (local.get $pages) (i32.const 16)))))

  (func $fresh (param $bytes i32) (result i32)
    (if (i32.gt_u (local.get $bytes) (i32.sub (global.get $end) (global.get $next)))
      (then (call $more (local.get $bytes))))
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get $bytes))))

  (func $alloc (param $size i32) (result i32)
    (local $head i32) (local $at i32)
    (if (i32.eqz (global.get $heads)) (then (global.set $heads (call $fresh (i32.const 128)))))
    (local.set $head (call $head (local.get $size)))
    (local.set $at (i32.load (local.get $head)))
    (if (i32.eqz (local.get $at))
      (then (return (call $fresh (i32.shl (i32.const 1) (call $class (local.get $size)))))))
    (i32.store (local.get $head) (i32.load (local.get $at)))
    (local.get $at))

  ;; cabi_free takes a block back that cabi_realloc gave last for size bytes. Of
  ;; none there is nothing to take back.
  (func $free (export "cabi_free") (param $at i32) (param $size i32)
    (local $head i32)
    (if (i32.eqz (local.get $size)) (then (return)))
    (local.set $head (call $head (local.get $size)))
    (i32.store (local.get $at) (i32.load (local.get $head)))
    (i32.store (local.get $head) (local.get $at)))

  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (if (i32.gt_u (local.get $align) (i32.const 16)) (then (unreachable)))
    (if (i32.eqz (local.get $size))
      (then
        (call $free (local.get $old) (local.get $old_size))
        (return (local.get $align))))
    (if (i32.eqz (local.get $old_size)) (then (return (call $alloc (local.get $size)))))
    (if (i32.eq (call $class (local.get $old_size)) (call $class (local.get $size))) (then (return (local.get $old))))
    (local.set $at (call $alloc (local.get $size)))
    (memory.copy (local.get $at) (local.get $old)
      (select (local.get $old_size) (local.get $size) (i32.lt_u (local.get $old_size) (local.get $size))))
    (call $free (local.get $old) (local.get $old_size))
    (local.get $at)))
