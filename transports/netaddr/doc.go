// Package netaddr is about addresses: sets of IP networks (whether an address is in one of thousands of them, in some tens of
// nanoseconds and without a lock), the machine's own interfaces and addresses, and hardware addresses.
//
// A Set never changes; Parse reads one in the text form of the lists of Spamhaus and FireHOL. A List is a Set that is made of
// files and replaced while it is used, when one of them changes.
//
// IPv4 and IPv6 are apart: an IPv4-mapped IPv6 address (::ffff:192.0.2.1) is the IPv4 address that it holds, in sets and in
// questions alike, so that ::/0 has no IPv4 address in it. An address with a zone (fe80::1%eth0) is looked up without it:
// nobody leaves a set by naming an interface. A network with a zone is not accepted.
//
// Interfaces tells what this machine has, DefaultAddr from which address it reaches the rest of the network. MAC is a hardware
// address as a value.
package netaddr
