// Package resolve finds the addresses of host names, remembers them, and connects to the one that answers first.
//
// Resolver is a tcp.Resolver with a bounded cache. It asks DNS servers itself, and keeps an answer as long as that says, or
// it asks the system's resolver, which says nothing about time, and keeps the answer for a fixed while. Callers who ask for
// one name at one time share one question. Names that do not exist are remembered too.
//
// Dialer is a transports.Dialer by Happy Eyeballs, RFC 8305: it asks for IPv6 and IPv4 addresses at once, begins with what
// is there, tries the next address when one has not answered for 250 ms, and takes the first connection.
package resolve
