package manifest

import (
	"slices"
	"strings"
)

// didYouMean returns `did you mean "x"?` for the candidate nearest to name, or
// "" where none is near enough to be a slip.
func didYouMean(name string, candidates []string) string {
	best, bestDistance := "", len(name)+1
	for _, c := range sorted(candidates) {
		most := min(len(name), len(c))/3 + 1 // one slip in three letters
		if d := editDistance(strings.ToLower(name), strings.ToLower(c)); d <= most && d < bestDistance && d < len(name) {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return `did you mean "` + best + `"?`
}

// oneOf lists candidates for a message, or proposes the nearest.
func oneOf(name string, candidates []string) string {
	if hint := didYouMean(name, candidates); hint != "" {
		return hint
	}
	return "known: " + strings.Join(sorted(candidates), ", ")
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// editDistance counts the insertions, deletions and replacements of bytes that
// turn a into b. Both are cut at 64 bytes.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
