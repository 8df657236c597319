// Package compress is middleware that codes the bodies of answers, and decodes those of requests: gzip, deflate, br and zstd
// (RFC 9110 section 8.4).
//
// Responses chooses a coding by the request's Accept-Encoding, and has the answer's body go through an encoder on its way out,
// whole or as it is streamed. Requests replaces a body that came in a coding by what it decodes to, within limits that make a
// compression bomb an ordinary 413.
package compress
