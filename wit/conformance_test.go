package wit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latticework/internal/errcode"
	"latticework/internal/refdata"
)

// conformanceKnown are the cases of the reference suite that are not met, with
// the reason. A case listed here must not pass.
var conformanceKnown = map[string]string{}

// conformanceWording are refusals that say the same in other words or point to
// a better place: what our message ends with.
var conformanceWording = map[string]string{
	// The type is named.
	"parse-fail/bad-resource15":              "foo.wit:6:16: type `r` used in a handle must be a resource",
	"parse-fail/type-and-resource-same-name": "foo.wit:7:20: type `a` used in a handle must be a resource",
	// The place is that of the name, not of the world that is included.
	"parse-fail/include-with-on-id.wit":           "10:22: no import or export kebab-name `foo`. Note that an ID does not support renaming",
	"parse-fail/kebab-name-include-not-found.wit": "6:24: no import or export kebab-name `b1`. Note that an ID does not support renaming",
	// The first of the two mistakes is reported.
	"parse-fail/use-and-include-world": "root.wit:3:13: interface 'bar' not found in package 'foo:baz': it is a world",
}

// conformanceSkipped are the cases that are about something else than the text
// of WIT.
var conformanceSkipped = map[string]string{
	"simple-wasm-text.wat": "a package in the text form of a component",
	"kinds-of-deps":        "two of its dependencies are packages in binary form",
}

func TestConformance(t *testing.T) {
	dir, other := refdata.Suite(t, "wit")
	var passed, failed, skipped int
	for _, name := range conformanceCases(t, dir) {
		t.Run(name, func(t *testing.T) {
			if why := conformanceSkipped[name]; why != "" && !other {
				skipped++
				t.Skip(why)
			}
			why := runCase(t, dir, name)
			known := conformanceKnown[name]
			if other {
				known = ""
			}
			switch {
			case why == "" && known != "":
				t.Errorf("passes, though the list of known failures says: %s", known)
			case why != "" && known == "":
				t.Error(why)
			}
			if why == "" {
				passed++
			} else {
				failed++
			}
		})
	}
	t.Logf("wit: %d passed, %d failed, %d skipped", passed, failed, skipped)
	if n := passed + failed + skipped; n == 0 || !other && n < 100 {
		t.Errorf("only %d cases found in %s", passed+failed+skipped, dir)
	}
}

// conformanceCases returns the names of all cases, those that must be refused
// with their folder.
func conformanceCases(t *testing.T, dir string) []string {
	var names []string
	for _, sub := range []struct{ dir, ext string }{{".", ".json"}, {"parse-fail", ".result"}} {
		results, err := filepath.Glob(filepath.Join(dir, sub.dir, "*"+sub.ext))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			name := strings.TrimSuffix(filepath.Base(r), sub.ext)
			// The result of a folder x is called x.wit.json.
			for _, try := range []string{name, strings.TrimSuffix(name, ".wit"), strings.TrimSuffix(name, ".wit") + ".wat"} {
				if _, err := os.Stat(filepath.Join(dir, sub.dir, try)); err == nil {
					names = append(names, filepath.ToSlash(filepath.Join(sub.dir, try)))
					break
				}
			}
		}
	}
	return names
}

// runCase says what is wrong, or "".
func runCase(t *testing.T, dir, name string) string {
	path := filepath.Join(dir, filepath.FromSlash(name))
	r, err := parseCase(t, path)
	stem := strings.TrimSuffix(path, ".wit") + ".wit"
	if strings.HasPrefix(name, "parse-fail/") {
		want, readErr := os.ReadFile(stem + ".result")
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err == nil {
			return "parsed, but must be refused: " + string(want)
		}
		if !errors.Is(err, errcode.Invalid) {
			return "error without the code invalid: " + err.Error()
		}
		if ours, ok := conformanceWording[name]; ok {
			if diffMessage(string(want), err.Error()) == "" {
				return "says the same as the reference, though listed as other words"
			}
			if !strings.HasSuffix(err.Error(), ours) {
				return "got error " + err.Error() + "\nwant " + ours
			}
			return ""
		}
		return diffMessage(string(want), err.Error())
	}
	if err != nil {
		return err.Error()
	}
	want, err := os.ReadFile(stem + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return diffJSON("", decodeOrdered(t, want), resolveJSON(r))
}

func parseCase(t *testing.T, path string) (*Resolve, error) {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		r, _, err := ParseFS(os.DirFS(path), ".", WithFeatures("active"))
		return r, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := ParseText(filepath.Base(path), string(text), WithFeatures("active"))
	return r, err
}

// diffMessage compares an error with the expected report: the place and the
// first line of the message must be the same, up to the words in
// messageWords.
func diffMessage(want, got string) string {
	message, place := expectedMessage(want)
	if place != "" && !strings.Contains(got, place+": ") {
		return "got error " + got + "\nwant place " + place + " and message " + message
	}
	if !strings.Contains(normalMessage(got), normalMessage(message)) {
		return "got error " + got + "\nwant message " + message
	}
	return ""
}

// expectedMessage takes an expected report apart: its first line without the
// context in front, and the place as line:column.
func expectedMessage(report string) (message, place string) {
	lines := strings.Split(strings.TrimSpace(report), "\n")
	message = lines[0]
	if rest, ok := strings.CutPrefix(message, "tests/ui/parse-fail/"); ok {
		message = rest
	} else if _, rest, ok := strings.Cut(message, "failed to parse package: "); ok {
		_, message, _ = strings.Cut(rest, ": ")
	} else if strings.HasPrefix(message, "failed to resolve directory") {
		_, message, _ = strings.Cut(message, "]: ")
	}
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "--> "); ok {
			_, place, _ = strings.Cut(filepath.Base(rest), ":")
		}
	}
	return message, place
}

var messageWords = strings.NewReplacer("an identifier or string", "an identifier")

func normalMessage(m string) string { return messageWords.Replace(m) }
