// Package wire is the HTTP/1.1 codec: bytes to heads and chunked bodies, and
// back. It is pure: no I/O, no clock, no goroutines, no locks, and it keeps
// nothing that it was not given.
//
// It is strict. What RFC 9110 and RFC 9112 call invalid, and what two
// implementations could read in two ways, is refused, never repaired: request
// smuggling lives on repairs. Each refusal is one of the package's [Error]
// values, with the status to answer, a stable label for metrics, and the
// section that it rests on.
//
// # Incremental, and the same at every split
//
// [Request.Parse], [Response.Parse] and [Chunked.Next] take bytes as they come,
// and go on where they were: the work is proportional to the bytes, so a peer
// that sends one at a time cannot make it more than that. They decide at the first byte that settles the matter, so the verdict does
// not depend on the cuts either.
//
// # Where the RFCs leave a choice
//
// Taken:
//   - one CRLF before a request line (RFC 9112 2.2);
//   - HTTP/1.2 to 1.9 as 1.1 (RFC 9110 2.5);
//   - in a path [ ] { } | ^ and `, in a query also \ and a bare %: not in the
//     grammar of RFC 3986, but user agents send them and they say nothing about
//     framing or routing;
//   - an empty Host, when the target carries no authority of its own or not;
//   - a status line that ends after the code, without the space before an
//     absent reason;
//   - chunk extensions, checked and dropped.
//
// Refused, although a recipient could go on:
//   - Content-Length repeated with one value, or as a list (RFC 9110 8.6);
//   - Content-Length together with Transfer-Encoding (RFC 9112 6.3);
//   - empty elements in Transfer-Encoding, and parameters of chunked;
//   - every transfer coding but chunked, identity included: 501;
//   - bad white space (BWS) around chunk extensions;
//   - CONNECT with a body: its bytes could as well be the tunnel's first;
//   - user information in any authority, IPv6 zones, IPvFuture, and commas in a
//     host;
//   - a % in a path without two hex digits after it.
package wire
