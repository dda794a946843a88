// Package conformance tests the command that runs reference suites, with
// suites made for the purpose.
package conformance
