// Package providers is the framework for capability providers: what serves a
// WIT interface to components, or, like an http server, calls them.
//
// A provider's life is New, [Provider.Open], [Provider.Link] once for every
// link that leads to it, [Session.Close] for each of those, and
// [Provider.Close]. [Guard] holds any implementation to that order. Which
// technologies exist is said by a [Registry] that the program builds; nothing
// registers itself.
package providers
