package encode

import (
	"latticework/components/internal/binary"
)

func (w *encoding) canon(c *binary.Canon) {
	w.byte(byte(c.Kind))
	switch c.Kind {
	case binary.CanonLift:
		w.byte(0x00)
		w.u32(c.Func)
		w.options(c.Options)
		w.u32(c.Type)
	case binary.CanonLower:
		w.byte(0x00)
		w.u32(c.Func)
		w.options(c.Options)
	case binary.CanonTaskReturn:
		w.resultList(c.Result)
		w.options(c.Options)
	case binary.CanonContextGet, binary.CanonContextSet:
		w.coreValType(c.ValType)
		w.u32(c.Slot)
	case binary.CanonErrorContextNew, binary.CanonErrorContextDebug:
		w.options(c.Options)
	case binary.CanonWaitableSetWait, binary.CanonWaitableSetPoll:
		w.bool(c.Cancellable)
		w.u32(c.Memory)
	default:
		if !w.canonOfType(c) && !w.canonOfThread(c) && c.Kind.String() == unknownCanon {
			w.fail("encode canonical definition: unknown kind %#x", byte(c.Kind))
		}
	}
}

// unknownCanon is what a kind that does not exist calls itself.
var unknownCanon = binary.CanonKind(0xff).String()

// canonOfType writes the rest of a built-in that is about a type, and reports
// whether c is one.
func (w *encoding) canonOfType(c *binary.Canon) bool {
	switch c.Kind {
	case binary.CanonResourceNew, binary.CanonResourceDrop, binary.CanonResourceRep,
		binary.CanonStreamNew, binary.CanonStreamDropReadable, binary.CanonStreamDropWritable,
		binary.CanonFutureNew, binary.CanonFutureDropReadable, binary.CanonFutureDropWritable:
		w.u32(c.Type)
	case binary.CanonStreamRead, binary.CanonStreamWrite, binary.CanonFutureRead, binary.CanonFutureWrite:
		w.u32(c.Type)
		w.options(c.Options)
	case binary.CanonStreamCancelRead, binary.CanonStreamCancelWrite,
		binary.CanonFutureCancelRead, binary.CanonFutureCancelWrite:
		w.u32(c.Type)
		w.bool(c.Async)
	default:
		return false
	}
	return true
}

// canonOfThread writes the rest of a built-in that is about tasks or threads,
// and reports whether c is one with something to write.
func (w *encoding) canonOfThread(c *binary.Canon) bool {
	switch c.Kind {
	case binary.CanonSubtaskCancel:
		w.bool(c.Async)
	case binary.CanonThreadYield, binary.CanonThreadSuspend, binary.CanonThreadSuspendResume,
		binary.CanonThreadYieldResume, binary.CanonThreadSuspendPromote, binary.CanonThreadYieldPromote:
		w.bool(c.Cancellable)
	case binary.CanonThreadNewIndirect:
		w.u32(c.CoreType)
		w.u32(c.Table)
	case binary.CanonThreadSpawnRef:
		w.bool(c.Shared)
		w.u32(c.CoreType)
	case binary.CanonThreadSpawnIndirect:
		w.bool(c.Shared)
		w.u32(c.CoreType)
		w.u32(c.Table)
	case binary.CanonThreadAvailParallel:
		w.bool(c.Shared)
	default:
		return false
	}
	return true
}

func (w *encoding) options(opts []binary.CanonOption) {
	vec(w.writer, opts, func(o binary.CanonOption) {
		w.byte(byte(o.Kind))
		switch o.Kind {
		case binary.OptUTF8, binary.OptUTF16, binary.OptLatin1UTF16, binary.OptAsync, binary.OptGC:
		case binary.OptMemory, binary.OptRealloc, binary.OptPostReturn, binary.OptCallback, binary.OptCoreType:
			w.u32(o.Index)
		default:
			w.fail("encode canonical option: unknown kind %#x", byte(o.Kind))
		}
	})
}
