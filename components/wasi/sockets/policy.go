package sockets

import "latticework/internal/grant"

// Policy says what guests may do. The zero value allows nothing.
type Policy = grant.Policy

// Rule allows one kind of use of the network.
type Rule = grant.Rule

// Proto is a set of protocols.
type Proto = grant.Proto

// The protocols of sockets.
const (
	TCP = grant.TCP
	UDP = grant.UDP
)

// ParseRule reads a rule:
//
//	[PROTOCOL:][USE:]WHAT[:PORT[-PORT]]
//
// PROTOCOL is tcp or udp (http and https are for requests that the host
// sends), USE is connect, listen or bind. WHAT is an address (version 6 in
// brackets where ports follow), a range such as 10.0.0.0/8, a host name,
// *.suffix, or * for every name and every public address.
//
// Errors: invalid, with the rule.
func ParseRule(text string) (Rule, error) { return grant.ParseRule(text) }

// maxResolved bounds the addresses remembered from look-ups.
const maxResolved = 4096
