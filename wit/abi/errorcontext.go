package abi

// ErrorContext is a WIT error-context in Go: a message about an error that
// components hand to each other. It is immutable.
type ErrorContext struct {
	// Message is what whoever made it wrote, for people to read.
	Message string
}
