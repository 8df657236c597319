// Package middleware has what most servers want around their handlers: Recover, RequestID, Timeout, CORS, SecurityHeaders and
// ETag. Package compress beside it has the content codings.
//
// Each is a struct whose zero value has safe defaults, and whose method Middleware gives an http1.Middleware, for http1.Chain. It works
// for native handlers and for net/http handlers under http1.Std alike, except where it says so. A struct must not be changed once
// it is used. Middleware panics if the configuration contradicts itself, as http.ServeMux does for patterns: that is a mistake of the
// program, found at its start.
package middleware
