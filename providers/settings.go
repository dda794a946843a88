package providers

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"latticework/internal/errcode"
)

// Settings reads configuration strictly: every key is asked for by name,
// with its default and its range; [Settings.Err] then reports every problem
// at once, and keys that nobody asked for are problems too. A zero length
// value counts as given, not as absent.
//
// Settings is used by one goroutine.
type Settings struct {
	what     string
	values   map[string]string
	asked    map[string]bool
	problems []string
	next     string
}

// ReadSettings starts reading values; what names their owner in messages,
// such as "link counter → store". Later maps override earlier ones.
func ReadSettings(what string, values ...map[string]string) *Settings {
	all := make(map[string]string)
	for _, m := range values {
		maps.Copy(all, m)
	}
	return &Settings{what: what, values: all, asked: make(map[string]bool)}
}

// Has reports whether key is given; it counts as asked for.
func (s *Settings) Has(key string) bool {
	s.asked[key] = true
	_, ok := s.values[key]
	return ok
}

// Fail notes a problem that the caller found with the values.
func (s *Settings) Fail(format string, args ...any) {
	s.problems = append(s.problems, errcode.New(errcode.Invalid, format, args...).Msg)
}

// Refuse makes a problem of key where it is given: it is known, and not
// supported. instead says what to use.
func (s *Settings) Refuse(key, instead string) {
	if _, given := s.values[key]; given {
		s.Fail("%s is not supported: %s", key, instead)
		delete(s.values, key)
	}
}

// Failed reports whether a problem was noted so far.
func (s *Settings) Failed() bool { return len(s.problems) > 0 }

// String returns the text of key.
func (s *Settings) String(key, otherwise string) string {
	if !s.Has(key) {
		return otherwise
	}
	return s.values[key]
}

// OneOf returns the text of key, which must be one of choices.
func (s *Settings) OneOf(key, otherwise string, choices ...string) string {
	v := s.String(key, otherwise)
	if !slices.Contains(choices, v) {
		s.Fail("%s is %q, not one of %s", key, v, strings.Join(choices, ", "))
		return otherwise
	}
	return v
}

// Bool returns true or false of key.
func (s *Settings) Bool(key string, otherwise bool) bool {
	if !s.Has(key) {
		return otherwise
	}
	switch s.values[key] {
	case "true":
		return true
	case "false":
		return false
	}
	s.Fail("%s is %q, neither true nor false", key, s.values[key])
	return otherwise
}

// Int returns the whole number of key, which must be from least to most.
func (s *Settings) Int(key string, otherwise, least, most int64) int64 {
	if !s.Has(key) {
		return otherwise
	}
	n, err := strconv.ParseInt(s.values[key], 10, 64)
	switch {
	case err != nil:
		s.Fail("%s is %q, not a whole number", key, s.values[key])
	case n < least || n > most:
		s.Fail("%s is %d, not from %d to %d", key, n, least, most)
	default:
		return n
	}
	return otherwise
}

// Bytes returns a size of key, a whole number or one with the unit KiB, MiB
// or GiB; it must be from least to most bytes.
func (s *Settings) Bytes(key string, otherwise, least, most int64) int64 {
	if !s.Has(key) {
		return otherwise
	}
	text, unit := s.values[key], int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = strings.TrimSpace(rest), size
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		s.Fail("%s is %q, not a size such as 65536, 64KiB, 16MiB or 1GiB", key, s.values[key])
	case n < 0 || n > most/unit || n*unit < least:
		s.Fail("%s is %q, not from %d to %d bytes", key, s.values[key], least, most)
	default:
		return n * unit
	}
	return otherwise
}

// Duration returns the time span of key, written as 250ms, 5s or 1m30s, which
// must be from least to most.
func (s *Settings) Duration(key string, otherwise, least, most time.Duration) time.Duration {
	if !s.Has(key) {
		return otherwise
	}
	d, err := time.ParseDuration(s.values[key])
	switch {
	case err != nil:
		s.Fail("%s is %q, not a duration such as 250ms, 5s or 1m30s", key, s.values[key])
	case d < least || d > most:
		s.Fail("%s is %s, not from %s to %s", key, d, least, most)
	default:
		return d
	}
	return otherwise
}

// List returns the parts of key between commas, without surrounding spaces;
// nil if it is absent. Empty parts are problems.
func (s *Settings) List(key string) []string {
	if !s.Has(key) {
		return nil
	}
	parts := strings.Split(s.values[key], ",")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(p)
		if parts[i] == "" {
			s.Fail("%s is %q: part %d of the list is empty", key, s.values[key], i+1)
			return nil
		}
	}
	return parts
}

// Err reports all problems found, nil if there are none. Call it once, after
// every key has been asked for.
//
// Errors:
//   - errcode.Invalid; the next step names a key close to an unknown one, or
//     all keys.
func (s *Settings) Err() error {
	known := slices.Sorted(maps.Keys(s.asked))
	unknown := false
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if s.asked[key] {
			continue
		}
		unknown = true
		s.problems = append(s.problems, "unknown setting "+strconv.Quote(key))
		if near := Closest(key, known); near != "" && s.next == "" {
			s.next = "did you mean " + strconv.Quote(near) + "?"
		}
	}
	if len(s.problems) == 0 {
		return nil
	}
	if s.next == "" && unknown {
		s.next = "settings are: " + strings.Join(known, ", ")
	}
	return errcode.New(errcode.Invalid, "configure %s: %s", s.what, strings.Join(s.problems, "; ")).WithNext("%s", s.next)
}

// Closest returns the candidate that name was probably meant to be, "" if
// none is near: at most a third of its letters differ, and at most three.
func Closest(name string, candidates []string) string {
	best, bestDistance := "", min(3, (len(name)+2)/3)+1
	fold := strings.NewReplacer("-", "_", ".", "_")
	for _, c := range candidates {
		d := distance(fold.Replace(strings.ToLower(name)), fold.Replace(strings.ToLower(c)))
		if d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace, or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	var before, last []int
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before, last, row = last, row, make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(y)]
}
