// Package auth is HTTP authentication (RFC 9110 section 11) as middleware: Basic (RFC 7617), Digest (RFC 7616) and Bearer
// (RFC 6750), one or several of them on the same resource.
//
//	mw, err := auth.Require(&auth.Digest{Realm: "api", Users: users}, &auth.Basic{Realm: "api", Verify: verify})
//
// A request without good credentials is answered with 401 and a challenge of each scheme. For one with good ones, UserOf gives
// the user to a native handler, and UserFromContext to a net/http handler.
//
// Basic and Bearer show the secret to whoever can read the connection: use them over TLS. What checks a secret slowly, as
// Htpasswd does, runs off the loop, and what it found is kept for a short time.
package auth
