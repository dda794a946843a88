// Package providertest holds the conformance suites for providers: one for
// each capability, with the same expected answers for every technology. The
// tests of a technology describe how to start it and run the suite.
package providertest
