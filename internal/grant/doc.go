// Package grant says what a component may reach outside itself: folders,
// environment variables, arguments, the network. It has the one grammar that
// flags and manifests are written in, and the rules that sockets and HTTP
// requests are held against.
//
// Nothing is granted by default: the zero value of each type allows nothing.
package grant
