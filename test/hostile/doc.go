// Package hostile runs hostile modules and components beside a well-behaved
// victim.
package hostile
