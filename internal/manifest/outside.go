package manifest

import (
	"latticework/internal/errcode"
	"latticework/internal/grant"
)

// grants reads what a component may reach outside, in the grammar of
// latticework/internal/grant.
func (d *decoder) grants(c cursor) []Grant {
	var all []Grant
	var set grant.Set
	of := func(kind grant.Kind) func(cursor) {
		return func(c cursor) {
			d.list(c, maxGrants, func(_ int, c cursor) {
				text, ok := d.text(c)
				if !ok {
					return
				}
				if err := set.Add(kind, text); err != nil {
					d.invalid(c, "%s", err.Error()).next("%s", errcode.NextOf(err))
					return
				}
				all = append(all, Grant{Kind: kind, Text: text, Position: c.position()})
			})
		}
	}
	known := fields{}
	for _, kind := range grant.Kinds() {
		known[string(kind)] = of(kind)
	}
	d.object(c, known)
	if len(all) > maxGrants {
		d.report(c, errcode.Exhausted, "grants: %d > %d", len(all), maxGrants)
	}
	return all
}

// limits reads the limits of a component.
func (d *decoder) limits(c cursor, l *Limits) {
	number := func(to *int, high int64) func(cursor) {
		return func(c cursor) { *to = int(d.integer(c, 1, high)) }
	}
	amount := func(to *int, low, high int64) func(cursor) {
		return func(c cursor) { *to = int(d.bytes(c, low, high)) }
	}
	d.object(c, fields{
		"memory":            func(c cursor) { l.Memory = d.bytes(c, MinMemory, MaxMemory) },
		"time":              func(c cursor) { l.Time = d.duration(c) },
		"stack_bytes":       func(c cursor) { l.StackBytes = d.bytes(c, MinStackBytes, MaxStackBytes) },
		"value_bytes":       func(c cursor) { l.ValueBytes = d.bytes(c, MinValueBytes, MaxValueBytes) },
		"fuel":              func(c cursor) { l.Fuel = d.integer(c, 1, MaxFuel) },
		"threads":           number(&l.Threads, MaxThreads),
		"instances":         number(&l.Instances, maxAtOnce),
		"handles":           number(&l.Handles, MaxHandles),
		"open_files":        number(&l.OpenFiles, maxOpenFiles),
		"sockets":           number(&l.Sockets, maxSockets),
		"buffered_bytes":    amount(&l.BufferedBytes, minBuffered, maxBuffered),
		"headers":           number(&l.Headers, maxHeaders),
		"header_bytes":      amount(&l.HeaderBytes, minHeaderBytes, maxHeaderBytes),
		"outgoing_requests": number(&l.OutgoingRequests, maxOutgoing),
	})
}

// truth reads true or false.
func (d *decoder) truth(c cursor) (value, ok bool) {
	if !d.enter(&c) {
		return false, false
	}
	if err := c.node.Decode(&value); c.node.ShortTag() != "!!bool" || err != nil {
		d.invalid(c, "must be true or false, is %s", kindName(c.node))
		return false, false
	}
	return value, true
}
