package clocks

import (
	"math"
	"testing"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"latticework/components/wasi/bindings/wasiclocks"
	"latticework/components/wasi/bindings/wasiclocks3"
	"latticework/wit/abi"
)

func TestTimezones(t *testing.T) {
	ctx := t.Context()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	summer := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC).Unix()
	winter := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Unix()
	for _, c := range []struct {
		name string
		zone *time.Location
		when int64
		want wasiclocks.TimezoneDisplay
		iana string
	}{
		{"none", nil, summer, wasiclocks.TimezoneDisplay{Name: "UTC"}, "UTC"},
		{"summer", berlin, summer, wasiclocks.TimezoneDisplay{UtcOffset: 7200, Name: "CEST", InDaylightSavingTime: true}, "Europe/Berlin"},
		{"winter", berlin, winter, wasiclocks.TimezoneDisplay{UtcOffset: 3600, Name: "CET"}, "Europe/Berlin"},
	} {
		two, three := NewTimezone(c.zone), NewTimezone3(c.zone)
		at := wasiclocks.Datetime{Seconds: uint64(c.when)}
		if got, _ := two.Display(ctx, at); got != c.want {
			t.Errorf("%s: display %+v, want %+v", c.name, got, c.want)
		}
		if got, _ := two.UtcOffset(ctx, at); got != c.want.UtcOffset {
			t.Errorf("%s: offset %d, want %d", c.name, got, c.want.UtcOffset)
		}
		if got, _ := three.UtcOffset(ctx, wasiclocks3.Instant{Seconds: c.when}); got != abi.Some(int64(c.want.UtcOffset)*1e9) {
			t.Errorf("%s: offset %+v ns, want %d s", c.name, got, c.want.UtcOffset)
		}
		if got, _ := three.IanaId(ctx); got != abi.Some(c.iana) {
			t.Errorf("%s: id %+v, want %s", c.name, got, c.iana)
		}
	}
	for _, far := range []uint64{math.MaxUint64, math.MaxInt64} {
		if got, err := NewTimezone(berlin).UtcOffset(ctx, wasiclocks.Datetime{Seconds: far, Nanoseconds: math.MaxUint32}); err != nil || got < -86400 || got > 86400 {
			t.Errorf("%d seconds: offset %d, %v", far, got, err)
		}
	}
}
