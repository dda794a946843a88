// Package perf measures what the documentation claims: each figure is a
// benchmark that states ratios taken in one run, see docs/performance.md.
package perf
