package components

import (
	"slices"
	"testing"
)

// TestStrangers finds who may write to a Windows folder beside the user and
// those who can do anything.
func TestStrangers(t *testing.T) {
	const (
		user, other, everyone, signedIn = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002", "S-1-1-0", "S-1-5-11"
		system, admins, creator         = "S-1-5-18", "S-1-5-32-544", "S-1-3-0"
		full, read, modify              = 0x1f01ff, 0x1200a9, 0x1301bf
	)
	home := []allowance{{system, full}, {admins, full}, {user, full}} // a user's own folders
	for name, c := range map[string]struct {
		list []allowance
		want []string
	}{
		"a folder of the user's":       {home, nil},
		"no list at all":               {nil, nil},
		"others read":                  {append(slices.Clone(home), allowance{everyone, read}), nil},
		"a folder of the drive":        {[]allowance{{admins, full}, {system, full}, {signedIn, modify}, {creator, 0x1000_0000}}, []string{signedIn}},
		"everybody":                    {[]allowance{{everyone, full}, {everyone, 0x1000_0000}}, []string{everyone}},
		"another user":                 {append(slices.Clone(home), allowance{other, read}, allowance{other, 0x2}), []string{other}},
		"one who may take it over":     {append(slices.Clone(home), allowance{other, 0x8_0000}), []string{other}},
		"one who may change the list":  {append(slices.Clone(home), allowance{other, 0x4_0000}), []string{other}},
		"one who may delete in it":     {append(slices.Clone(home), allowance{other, 0x40}), []string{other}},
		"generic rights":               {append(slices.Clone(home), allowance{other, 0x4000_0000}, allowance{signedIn, 0x8000_0000}), []string{other}},
		"the user's id as a beginning": {append(slices.Clone(home), allowance{user + "0", full}), []string{user + "0"}},
	} {
		if got := strangers(c.list, user); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for sid, want := range map[string]bool{user: true, system: true, admins: true, other: false, everyone: false, "": false} {
		if trusted(sid, user) != want {
			t.Errorf("%s: trusted is %t", sid, !want)
		}
	}
}
