package clocks

import (
	"context"
	"math"
	"time"

	"latticework/components/wasi/bindings/wasiclocks"
	"latticework/components/wasi/bindings/wasiclocks3"
	"latticework/wit/abi"
)

// Timezone implements timezone of WASI 0.2.
type Timezone struct{ zone *time.Location }

// Timezone3 implements timezone of WASI 0.3.
type Timezone3 struct{ zone *time.Location }

var (
	_ wasiclocks.TimezoneInterface  = Timezone{}
	_ wasiclocks3.TimezoneInterface = Timezone3{}
)

// NewTimezone returns the interface for zone; nil stands for UTC.
func NewTimezone(zone *time.Location) Timezone { return Timezone{orUTC(zone)} }

// NewTimezone3 returns the interface for zone; nil stands for UTC.
func NewTimezone3(zone *time.Location) Timezone3 { return Timezone3{orUTC(zone)} }

func orUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// in returns a moment in zone; one too far away to be written down is as good
// as the last one.
func in(zone *time.Location, seconds int64, nanoseconds uint32) time.Time {
	const most = 1 << 40 // some 35,000 years
	return time.Unix(max(min(seconds, most), -most), int64(nanoseconds)).In(zone)
}

func (t Timezone) at(when wasiclocks.Datetime) time.Time {
	return in(t.zone, int64(min(when.Seconds, math.MaxInt64)), when.Nanoseconds)
}

// Display implements wasi:clocks.
func (t Timezone) Display(_ context.Context, when wasiclocks.Datetime) (wasiclocks.TimezoneDisplay, error) {
	at := t.at(when)
	name, offset := at.Zone()
	return wasiclocks.TimezoneDisplay{UtcOffset: int32(offset), Name: name, InDaylightSavingTime: at.IsDST()}, nil
}

// UtcOffset implements wasi:clocks.
func (t Timezone) UtcOffset(_ context.Context, when wasiclocks.Datetime) (int32, error) {
	_, offset := t.at(when).Zone()
	return int32(offset), nil
}

// IanaId implements wasi:clocks.
func (t Timezone3) IanaId(context.Context) (abi.Option[string], error) {
	return abi.Some(t.zone.String()), nil
}

// UtcOffset implements wasi:clocks.
func (t Timezone3) UtcOffset(_ context.Context, when wasiclocks3.Instant) (abi.Option[int64], error) {
	_, offset := in(t.zone, when.Seconds, when.Nanoseconds).Zone()
	return abi.Some(int64(offset) * int64(time.Second)), nil
}

// ToDebugString implements wasi:clocks.
func (t Timezone3) ToDebugString(context.Context) (string, error) { return t.zone.String(), nil }
