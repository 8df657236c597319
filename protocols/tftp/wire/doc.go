// Package wire is the TFTP codec: datagrams to packets and back (RFC 1350), with
// options (RFC 2347, 2348, 2349, 7440, and the rollover option that tftp-hpa
// brought) and netascii. It is pure: no I/O, no clock, no goroutines, no locks.
//
// [Parse] allocates nothing: a [Packet] aliases the datagram. The encoders append
// to a slice that the caller owns, and refuse to write what [Parse] would refuse.
//
// # Where the RFCs leave a choice
//
// Taken:
//   - modes and option names in any case (RFC 1350 5, RFC 2347 2);
//   - options that are not known, and known ones without a number: whoever
//     negotiates leaves them out of the answer (RFC 2347 2);
//   - bytes after the block number of an ACK, and after the text of an ERROR; a
//     text that nothing terminates: boot ROMs send them, and they say nothing;
//   - NULs that pad the end of a request or an OACK;
//   - an OACK without options, as some servers answer when they know none.
//
// Refused, although a recipient could go on:
//   - a request or an OACK above 512 bytes (RFC 2347 2);
//   - a string that nothing terminates, an option without a value;
//   - one of the known options twice (RFC 2347 2: "only once");
//   - an empty file name, mode mail (obsolete by RFC 1350 1) and unknown modes;
//   - DATA of more than 65,464 bytes (RFC 2348).
//
// A server answers a refused request with [Error].Code. In a running transfer what
// is refused is best dropped, as if it had been lost: a damaged datagram then
// costs one retransmission and not the transfer.
package wire
