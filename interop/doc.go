// Package interop runs cmd/httpd as a process of its own, with native and with net/http handlers, over TCP and over a Unix
// socket, and lets programs that others wrote talk to it: curl, wrk, h2load, ab, nc, slowhttptest, net/http's client and
// Chromium. The tests are behind the build tag interop ("make interop"); with the tag portable too, the server under test
// is built on the portable engine.
//
// All traffic stays on the loopback, and every load has a bound. A missing program skips its test, except where CI is
// set. CALANDRIA_SOAK=1 runs the counts in full.
package interop
