// Package router takes requests to handlers by method, host and path, with the patterns and the precedence of net/http's
// ServeMux (Go 1.22): "[METHOD ][HOST]/[PATH]", where a segment of the path may be a wildcard.
//
//	GET /users/{id}            one segment; GET takes HEAD too
//	/files/{path...}           the rest of the path, perhaps empty
//	/static/                   the same without a name
//	/{$}                       the path that ends here: "/" alone
//	api.example.com/v1/{x}     requests for that host only
//
// Of two patterns that match, one with a host wins, else the more specific one, whatever the order in which they were
// registered. Two of which neither is more specific conflict: the second one is refused. A request for /tree is redirected to
// /tree/ when only that has a route, one whose path has empty or dot segments to the clean path, both by 307. A path that
// only other methods have is answered with 405 and Allow, and OPTIONS with 204 and Allow.
//
// A look-up walks a radix tree of the path's bytes, one for each method. It allocates nothing, unless the path is
// percent-encoded and longer than 512 bytes, or the answer is the router's own.
package router
