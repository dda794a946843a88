package clocks

import (
	"context"
	"time"

	"latticework/components/wasi/bindings/wasiclocks"
)

// Wall implements wall-clock.
type Wall struct{ clock Clock }

var _ wasiclocks.WallClockInterface = Wall{}

// NewWall returns the interface over clock.
func NewWall(clock Clock) Wall { return Wall{clock} }

// Now implements wasi:clocks.
func (w Wall) Now(context.Context) (wasiclocks.Datetime, error) {
	return ToDatetime(w.clock.Wall()), nil
}

// Resolution implements wasi:clocks.
func (w Wall) Resolution(context.Context) (wasiclocks.Datetime, error) {
	r := w.clock.Resolution()
	return wasiclocks.Datetime{
		Seconds:     uint64(r / time.Second),
		Nanoseconds: uint32(r % time.Second),
	}, nil
}

// ToDatetime converts t; a time before 1970 becomes its first moment.
func ToDatetime(t time.Time) wasiclocks.Datetime {
	if t.Unix() < 0 {
		return wasiclocks.Datetime{}
	}
	return wasiclocks.Datetime{Seconds: uint64(t.Unix()), Nanoseconds: uint32(t.Nanosecond())}
}
