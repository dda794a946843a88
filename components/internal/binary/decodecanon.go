package binary

func (d *decoder) canon() *Canon {
	b := d.byte("canonical function")
	c := &Canon{Kind: CanonKind(b)}
	if d.err != nil {
		return c
	}
	switch c.Kind {
	case CanonLift:
		d.zero("canonical function lift")
		c.Func, c.Options, c.Type = d.u32("core function index"), d.options(), d.u32("type index")
	case CanonLower:
		d.zero("canonical function lower")
		c.Func, c.Options = d.u32("function index"), d.options()
	case CanonTaskReturn:
		c.Result, c.Options = d.resultList(), d.options()
	case CanonContextGet, CanonContextSet:
		c.ValType, c.Slot = d.coreValType(), d.u32("context slot")
	case CanonSubtaskCancel:
		c.Async = d.bool("async")
	case CanonResourceNew, CanonResourceDrop, CanonResourceRep, CanonStreamNew, CanonFutureNew,
		CanonStreamDropReadable, CanonStreamDropWritable, CanonFutureDropReadable, CanonFutureDropWritable:
		c.Type = d.u32("type index")
	case CanonStreamRead, CanonStreamWrite, CanonFutureRead, CanonFutureWrite:
		c.Type, c.Options = d.u32("type index"), d.options()
	case CanonStreamCancelRead, CanonStreamCancelWrite, CanonFutureCancelRead, CanonFutureCancelWrite:
		c.Type, c.Async = d.u32("type index"), d.bool("async")
	case CanonErrorContextNew, CanonErrorContextDebug:
		c.Options = d.options()
	case CanonWaitableSetWait, CanonWaitableSetPoll:
		c.Cancellable, c.Memory = d.bool("cancellable"), d.u32("core memory index")
	case CanonThreadYield, CanonThreadSuspend, CanonThreadSuspendResume, CanonThreadYieldResume,
		CanonThreadSuspendPromote, CanonThreadYieldPromote:
		c.Cancellable = d.bool("cancellable")
	case CanonThreadNewIndirect:
		c.CoreType, c.Table = d.u32("core type index"), d.u32("core table index")
	case CanonThreadSpawnRef:
		c.Shared, c.CoreType = d.bool("shared"), d.u32("core type index")
	case CanonThreadSpawnIndirect:
		c.Shared, c.CoreType, c.Table = d.bool("shared"), d.u32("core type index"), d.u32("core table index")
	case CanonThreadAvailParallel:
		c.Shared = d.bool("shared")
	default:
		if canonNames[c.Kind] == "" {
			d.leading(b, "canonical function")
		}
	}
	return c
}

// zero reads a byte that must be 0.
func (d *decoder) zero(what string) {
	if b := d.byte(what); b != 0 {
		d.leading(b, what)
	}
}

func (d *decoder) options() []CanonOption {
	return vec(d.reader, "canonical options", func() CanonOption {
		b := d.byte("canonical option")
		o := CanonOption{Kind: OptionKind(b)}
		switch o.Kind {
		case OptUTF8, OptUTF16, OptLatin1UTF16, OptAsync, OptGC:
		case OptMemory, OptRealloc, OptPostReturn, OptCallback, OptCoreType:
			o.Index = d.u32("index of a canonical option")
		default:
			d.leading(b, "canonical option")
		}
		return o
	})
}
