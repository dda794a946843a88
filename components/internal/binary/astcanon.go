package binary

// CanonKind is a canonical definition's kind: its opcode.
type CanonKind uint8

// The canonical definitions. Lift adds a func index, every other a core func
// index.
const (
	CanonLift                 CanonKind = 0x00 // Func (core), Options, Type
	CanonLower                CanonKind = 0x01 // Func, Options
	CanonResourceNew          CanonKind = 0x02 // Type
	CanonResourceDrop         CanonKind = 0x03 // Type
	CanonResourceRep          CanonKind = 0x04 // Type
	CanonTaskCancel           CanonKind = 0x05
	CanonSubtaskCancel        CanonKind = 0x06 // Async
	CanonTaskReturn           CanonKind = 0x09 // Result, Options
	CanonContextGet           CanonKind = 0x0a // ValType, Slot
	CanonContextSet           CanonKind = 0x0b // ValType, Slot
	CanonThreadYield          CanonKind = 0x0c // Cancellable
	CanonSubtaskDrop          CanonKind = 0x0d
	CanonStreamNew            CanonKind = 0x0e // Type
	CanonStreamRead           CanonKind = 0x0f // Type, Options
	CanonStreamWrite          CanonKind = 0x10 // Type, Options
	CanonStreamCancelRead     CanonKind = 0x11 // Type, Async
	CanonStreamCancelWrite    CanonKind = 0x12 // Type, Async
	CanonStreamDropReadable   CanonKind = 0x13 // Type
	CanonStreamDropWritable   CanonKind = 0x14 // Type
	CanonFutureNew            CanonKind = 0x15 // Type
	CanonFutureRead           CanonKind = 0x16 // Type, Options
	CanonFutureWrite          CanonKind = 0x17 // Type, Options
	CanonFutureCancelRead     CanonKind = 0x18 // Type, Async
	CanonFutureCancelWrite    CanonKind = 0x19 // Type, Async
	CanonFutureDropReadable   CanonKind = 0x1a // Type
	CanonFutureDropWritable   CanonKind = 0x1b // Type
	CanonErrorContextNew      CanonKind = 0x1c // Options
	CanonErrorContextDebug    CanonKind = 0x1d // Options
	CanonErrorContextDrop     CanonKind = 0x1e
	CanonWaitableSetNew       CanonKind = 0x1f
	CanonWaitableSetWait      CanonKind = 0x20 // Cancellable, Memory
	CanonWaitableSetPoll      CanonKind = 0x21 // Cancellable, Memory
	CanonWaitableSetDrop      CanonKind = 0x22
	CanonWaitableJoin         CanonKind = 0x23
	CanonBackpressureInc      CanonKind = 0x24
	CanonBackpressureDec      CanonKind = 0x25
	CanonThreadIndex          CanonKind = 0x26
	CanonThreadNewIndirect    CanonKind = 0x27 // CoreType, Table
	CanonThreadResumeLater    CanonKind = 0x28
	CanonThreadSuspend        CanonKind = 0x29 // Cancellable
	CanonThreadSuspendResume  CanonKind = 0x2a // Cancellable: suspend-then-resume
	CanonThreadYieldResume    CanonKind = 0x2b // Cancellable: yield-then-resume
	CanonThreadSuspendPromote CanonKind = 0x2c // Cancellable: suspend-then-promote
	CanonThreadYieldPromote   CanonKind = 0x2d // Cancellable: yield-then-promote
	CanonThreadSpawnRef       CanonKind = 0x40 // Shared, CoreType
	CanonThreadSpawnIndirect  CanonKind = 0x41 // Shared, CoreType, Table
	CanonThreadAvailParallel  CanonKind = 0x42 // Shared: available-parallelism
)

var canonNames = [256]string{
	CanonLift: "lift", CanonLower: "lower",
	CanonResourceNew: "resource.new", CanonResourceDrop: "resource.drop", CanonResourceRep: "resource.rep",
	CanonTaskCancel: "task.cancel", CanonTaskReturn: "task.return",
	CanonSubtaskCancel: "subtask.cancel", CanonSubtaskDrop: "subtask.drop",
	CanonContextGet: "context.get", CanonContextSet: "context.set",
	CanonStreamNew: "stream.new", CanonStreamRead: "stream.read", CanonStreamWrite: "stream.write",
	CanonStreamCancelRead: "stream.cancel-read", CanonStreamCancelWrite: "stream.cancel-write",
	CanonStreamDropReadable: "stream.drop-readable", CanonStreamDropWritable: "stream.drop-writable",
	CanonFutureNew: "future.new", CanonFutureRead: "future.read", CanonFutureWrite: "future.write",
	CanonFutureCancelRead: "future.cancel-read", CanonFutureCancelWrite: "future.cancel-write",
	CanonFutureDropReadable: "future.drop-readable", CanonFutureDropWritable: "future.drop-writable",
	CanonErrorContextNew: "error-context.new", CanonErrorContextDebug: "error-context.debug-message",
	CanonErrorContextDrop: "error-context.drop",
	CanonWaitableSetNew:   "waitable-set.new", CanonWaitableSetWait: "waitable-set.wait",
	CanonWaitableSetPoll: "waitable-set.poll", CanonWaitableSetDrop: "waitable-set.drop",
	CanonWaitableJoin:    "waitable.join",
	CanonBackpressureInc: "backpressure.inc", CanonBackpressureDec: "backpressure.dec",
	CanonThreadIndex: "thread.index", CanonThreadNewIndirect: "thread.new-indirect",
	CanonThreadResumeLater: "thread.resume-later", CanonThreadSuspend: "thread.suspend",
	CanonThreadYield: "thread.yield", CanonThreadSuspendResume: "thread.suspend-then-resume",
	CanonThreadYieldResume: "thread.yield-then-resume", CanonThreadSuspendPromote: "thread.suspend-then-promote",
	CanonThreadYieldPromote: "thread.yield-then-promote", CanonThreadSpawnRef: "thread.spawn-ref",
	CanonThreadSpawnIndirect: "thread.spawn-indirect", CanonThreadAvailParallel: "thread.available-parallelism",
}

// String returns the definition's name as in the text format, without
// "canon".
func (k CanonKind) String() string {
	if s := canonNames[k]; s != "" {
		return s
	}
	return "unknown canonical definition"
}

// Canon is a canonical definition. Kind says which of the other fields are
// used.
type Canon struct {
	Kind        CanonKind
	Func        uint32 // a core func for lift, a func for lower
	Type        uint32
	Options     []CanonOption
	Result      *ValType // task.return; nil without one
	Async       bool
	Cancellable bool
	Shared      bool
	ValType     CoreValType
	Slot        uint32
	Memory      uint32
	CoreType    uint32
	Table       uint32
}

// OptionKind is a canonical option's kind.
type OptionKind uint8

// The canonical options, by their opcode.
const (
	OptUTF8        OptionKind = 0x00
	OptUTF16       OptionKind = 0x01
	OptLatin1UTF16 OptionKind = 0x02
	OptMemory      OptionKind = 0x03 // Index: a core memory
	OptRealloc     OptionKind = 0x04 // Index: a core func
	OptPostReturn  OptionKind = 0x05 // Index: a core func
	OptAsync       OptionKind = 0x06
	OptCallback    OptionKind = 0x07 // Index: a core func
	OptCoreType    OptionKind = 0x08 // Index: a core type; not in the specification yet
	OptGC          OptionKind = 0x09 // not in the specification yet
)

var optionNames = [...]string{
	"utf8", "utf16", "latin1-utf16", "memory", "realloc", "post-return",
	"async", "callback", "core-type", "gc",
}

// String returns the option's name.
func (k OptionKind) String() string {
	if int(k) < len(optionNames) {
		return optionNames[k]
	}
	return "unknown option"
}

// CanonOption is one canonical option as written.
type CanonOption struct {
	Kind  OptionKind
	Index uint32
}

// Option returns the index given for option k, and whether it is present.
func (c *Canon) Option(k OptionKind) (uint32, bool) {
	for _, o := range c.Options {
		if o.Kind == k {
			return o.Index, true
		}
	}
	return 0, false
}

// Has reports whether option k is present.
func (c *Canon) Has(k OptionKind) bool {
	_, ok := c.Option(k)
	return ok
}

// Encoding returns the string encoding: OptUTF8 (the default), OptUTF16 or
// OptLatin1UTF16.
func (c *Canon) Encoding() OptionKind {
	for _, o := range c.Options {
		if o.Kind <= OptLatin1UTF16 {
			return o.Kind
		}
	}
	return OptUTF8
}
