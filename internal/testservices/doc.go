// Package testservices starts real Redis, PostgreSQL and MariaDB servers for
// tests, from the system's packages, on free ports of loopback and in
// temporary folders. A server belongs to one test and ends with it.
//
// Without the program the test is skipped, or fails if CI is "true". Run as
// root, the databases are started as another user, since they refuse root.
package testservices
