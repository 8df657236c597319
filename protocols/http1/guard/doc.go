// Package guard keeps the wrong ones out: bans, rate limits, and the client's real address behind proxies.
//
// Bans are networks in lists, networks banned by hand, and clients that keep failing. They are asked at accept, by
// Bans.Admit, before anything is spent on a connection, and for each request by Bans.Middleware where the client is behind a
// proxy or its connection was open already. Limiter is a token bucket for each client or key. ClientIP finds the client in
// what a trusted proxy says, and believes nobody else.
//
// A client is an IPv4 address, or the /64 of an IPv6 address, since that is what one subscriber has at the least. The tables
// are bounded, in shards with a lock each, and safe from all loops.
package guard
