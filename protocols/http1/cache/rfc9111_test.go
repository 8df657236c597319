package cache_test

import (
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/cache"
)

const sec = time.Second

// hit is what is in Cache-Status of an answer without the origin.
const hit = "Cache-Status: calandria; hit"

// sections are what RFC 9111 and its extensions ask for, by section.
var sections = []struct {
	name  string
	cache cache.Transport
	steps []step
}{
	{"2 key: query", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=10|1", want: "200 1"},
		{req: "GET /a?", from: "200|2", want: "200 2"},
		{req: "GET /a?x", from: "200|3", want: "200 3"},
		{req: "GET /a#x", want: "200 1"},
		{req: "GET HTTP://ORIGIN.example:80/a", want: "200 1"},
		{req: "GET http://user@origin.example/a", want: "200 1"},
		{req: "GET https://origin.example/a", from: "200|4", want: "200 4"},
		{req: "GET http://origin.example:8080/a", from: "200|5", want: "200 5"},
	}},
	{"3 nothing to go by", cache.Transport{}, []step{
		{req: "GET /a", from: "200|1", want: "200 1", has: "Cache-Status: calandria; fwd=uri-miss; fwd-status=200"},
		{req: "GET /a", from: "200|2", want: "200 2"},
	}},
	{"3 other statuses with explicit freshness", cache.Transport{}, []step{
		{req: "GET /a", from: "302|Cache-Control: max-age=10|Location: /b|", want: "302"},
		{req: "GET /a", want: "302", has: "Location: /b"},
		{req: "GET /c", from: "404|Expires: @10|no", want: "404 no"},
		{req: "GET /c", want: "404 no"},
		{req: "GET /d", from: "302|Last-Modified: @-1000|", want: "302"},
		{req: "GET /d", from: "302|Last-Modified: @-1000|", want: "302"},
		{req: "GET /e", from: "302|Last-Modified: @-1000|Cache-Control: public|", want: "302"},
		{req: "GET /e", want: "302"},
	}},
	{"3 methods", cache.Transport{}, []step{
		{req: "POST /a", from: "200|Cache-Control: max-age=10|1", want: "200 1", has: "-Cache-Status"},
		{req: "GET /a", from: "200|2", want: "200 2"},
	}},
	{"3.1 fields that are not stored", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=10|Connection: X-Hop, keep-alive|X-Hop: 1|Keep-Alive: 5|Proxy-Authenticate: Basic|Set-Cookie: a=1|X-End: 2|1", want: "200 1", has: "Set-Cookie: a=1"},
		{req: "GET /a", want: "200 1", has: "-X-Hop|-Keep-Alive|-Connection|-Proxy-Authenticate|-Set-Cookie|X-End: 2"},
	}},
	{"3.2 a 304 updates what is stored", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|X-A: old|X-B: kept|Content-Type: text/a|Cache-Control: max-age=1|body`, want: "200 body"},
		{after: 2 * sec, req: "GET /a", asked: `If-None-Match: "1"`, from: `304|ETag: "1"|X-A: new|Content-Type: text/b|Content-Length: 77|Cache-Control: max-age=5|`, want: "200 body", has: "X-A: new|X-B: kept|Content-Type: text/a|-Content-Length|Age: 0"},
		{after: 4 * sec, req: "GET /a", want: "200 body", has: "X-A: new|Age: 4|" + hit + "; ttl=1"},
	}},
	{"3.2 a 304 may end the storing", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=1|body`, want: "200 body"},
		{after: 2 * sec, req: "GET /a", from: `304|Cache-Control: no-store|`, want: "200 body"},
		{req: "GET /a", asked: "-If-None-Match", from: "200|2", want: "200 2"},
	}},
	{"3.4 parts", cache.Transport{}, []step{
		{req: "GET /a|Range: bytes=0-1", from: "206|Cache-Control: max-age=10|Content-Range: bytes 0-1/4|ab", want: "206 ab", has: "Cache-Status: calandria; fwd=bypass"},
		{req: "GET /a", from: "206|Cache-Control: max-age=10|Content-Range: bytes 0-1/4|ab", want: "206 ab"},
		{req: "GET /a", from: "200|Cache-Control: max-age=10|abcd", want: "200 abcd"},
		{req: "GET /a|Range: bytes=0-1", from: "206|Content-Range: bytes 0-1/4|ab", want: "206 ab"},
		{req: "GET /a", want: "200 abcd"},
	}},
	{"3.5 Authorization", cache.Transport{}, []step{
		{req: "GET /a|Authorization: Basic YTph", from: "200|Cache-Control: max-age=10|a's", want: "200 a's"},
		{req: "GET /a|Authorization: Basic YTph", want: "200 a's"},
		{req: "GET /a|Authorization: Basic YjpV", from: "200|Cache-Control: max-age=10|b's", want: "200 b's"},
		{req: "GET /a", from: "200|Cache-Control: max-age=10|all's", want: "200 all's", has: "Cache-Status: calandria; fwd=vary-miss"},
		{req: "GET /a|Authorization: Basic YTph", want: "200 a's"},
		{req: "GET /a", want: "200 all's"},
	}},
	{"4.1 Vary", cache.Transport{}, []step{
		{req: "GET /a|Accept-Language: de,  fr", from: "200|Vary: accept-language|Cache-Control: max-age=10|1", want: "200 1"},
		{req: "GET /a|Accept-Language: de,fr", want: "200 1"},
		{req: "GET /a|Accept-Language: de|Accept-Language: fr", want: "200 1"},
		{req: "GET /a|Accept-Language: fr,de", from: "200|Vary: Accept-Language|Cache-Control: max-age=10|2", want: "200 2"},
		{req: "GET /a", from: "200|Vary: Accept-Language|Cache-Control: max-age=10|3", want: "200 3"},
		{req: "GET /a|Accept-Language: ", from: "200|Vary: Accept-Language|Cache-Control: max-age=10|4", want: "200 4"},
		{req: "GET /a", want: "200 3"},
		{req: "GET /a|Accept-Language: fr,de", want: "200 2"},
	}},
	{"4.1 Vary: *", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Vary: Accept, *|Cache-Control: max-age=10|1", want: "200 1"},
		{req: "GET /a", from: "200|2", want: "200 2"},
	}},
	{"4.1 the latest of those that match", cache.Transport{}, []step{
		{req: "GET /a|A: 1", from: "200|Vary: A|Cache-Control: max-age=60|Date: @-5|old", want: "200 old"},
		{req: "GET /a|A: 2|B: 1", from: "200|Vary: B|Cache-Control: max-age=60|new", want: "200 new"},
		{req: "GET /a|A: 1|B: 1", want: "200 new"},
	}},
	{"4.1 the latest, stored first", cache.Transport{}, []step{
		{req: "GET /a|A: 2|B: 1", from: "200|Vary: B|Cache-Control: max-age=60|new", want: "200 new"},
		{req: "GET /a|A: 1", from: "200|Vary: A|Cache-Control: max-age=60|Date: @-5|old", want: "200 old"},
		{req: "GET /a|A: 1|B: 1", want: "200 new"},
	}},
	{"4.1 variants are bounded", cache.Transport{MaxVariants: 2}, []step{
		{req: "GET /a|A: 1", from: "200|Vary: A|Cache-Control: max-age=60|1", want: "200 1"},
		{req: "GET /a|A: 2", from: "200|Vary: A|Cache-Control: max-age=60|2", want: "200 2"},
		{req: "GET /a|A: 1", want: "200 1"},
		{req: "GET /a|A: 3", from: "200|Vary: A|Cache-Control: max-age=60|3", want: "200 3"},
		{req: "GET /a|A: 1", want: "200 1"},
		{req: "GET /a|A: 2", from: "200|Vary: A|2", want: "200 2"},
	}},
	{"4.2.1 max-age before Expires", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=10|Expires: @-1|1", want: "200 1"},
		{after: 9 * sec, req: "GET /a", want: "200 1", has: "Age: 9"},
		{after: sec, req: "GET /a", from: "200|2", want: "200 2", has: "Cache-Status: calandria; fwd=stale"},
	}},
	{"4.2.1 s-maxage is not ours", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: s-maxage=1, max-age=10|1", want: "200 1"},
		{after: 9 * sec, req: "GET /a", want: "200 1"},
	}},
	{"4.2.1 bad values are stale", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=1h|1`, want: "200 1"},
		{req: "GET /a", from: "304|", want: "200 1"},
		{req: "GET /b", from: `200|ETag: "1"|Cache-Control: max-age=10, max-age=0|1`, want: "200 1"},
		{req: "GET /b", from: "304|", want: "200 1"},
		{req: "GET /c", from: `200|ETag: "1"|Expires: 0|Last-Modified: @-1000|1`, want: "200 1"},
		{req: "GET /c", from: "304|", want: "200 1"},
		{req: "GET /d", from: `200|ETag: "1"|Expires: @10|Expires: @20|1`, want: "200 1"},
		{req: "GET /d", from: "304|", want: "200 1"},
		{req: "GET /e", from: `200|Cache-Control: max-age="10"|1`, want: "200 1"},
		{req: "GET /e", want: "200 1"},
		{req: "GET /f", from: "200|Cache-Control: max-age=99999999999999999999|1", want: "200 1"},
		{after: 1 << 31 * sec, req: "GET /f", from: "200|2", want: "200 2"},
	}},
	{"4.2.1 Expires", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Date: @-100|Expires: @-90|Age: 0|1", want: "200 1"}, // its date is the origin's clock, 10 s of freshness, 100 s old
		{req: "GET /a", from: "200|Expires: @10|2", want: "200 2"},
		{after: 9 * sec, req: "GET /a", want: "200 2"},
		{after: sec, req: "GET /a", from: "200|3", want: "200 3"},
	}},
	{"4.2.2 heuristic", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Last-Modified: @-100|1", want: "200 1"},
		{after: 9 * sec, req: "GET /a", want: "200 1"},
		{after: sec, req: "GET /a", from: "304|", asked: "If-Modified-Since: ", want: "200 1"},
		{req: "GET /b", from: "200|Last-Modified: @-100000000|1", want: "200 1"},
		{after: 24*time.Hour - sec, req: "GET /b", want: "200 1"},
		{after: sec, req: "GET /b", from: "304|", want: "200 1"},
		{req: "GET /c", from: "200|Last-Modified: @100|1", want: "200 1"},
		{req: "GET /c", from: "304|", want: "200 1"},
	}},
	{"4.2.2 no heuristic", cache.Transport{MaxHeuristic: -1}, []step{
		{req: "GET /a", from: "200|Last-Modified: @-1000|1", want: "200 1"},
		{req: "GET /a", from: "304|", want: "200 1"},
	}},
	{"4.2.3 Age", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=10|Age: 5|1", want: "200 1"},
		{after: 4 * sec, req: "GET /a", want: "200 1", has: "Age: 9"},
		{after: sec, req: "GET /a", from: "200|2", want: "200 2"},
		{req: "GET /b", from: "200|Cache-Control: max-age=10|Date: @-7|1", want: "200 1"},
		{after: 2 * sec, req: "GET /b", want: "200 1", has: "Age: 9"},
		{after: sec, req: "GET /b", from: "200|2", want: "200 2"},
		{req: "GET /c", from: "200|Cache-Control: max-age=10|Age: -5|1", want: "200 1"},
		{after: 9 * sec, req: "GET /c", want: "200 1", has: "Age: 9"},
		{req: "GET /d", from: "200|Cache-Control: max-age=10|Age: 3, 9|1", want: "200 1"},
		{req: "GET /d", want: "200 1", has: "Age: 3"},
		{req: "GET /e", from: "200|Cache-Control: max-age=10|Date: |1", want: "200 1"},
		{after: 2 * sec, req: "GET /e", want: "200 1", has: "Age: 2"},
	}},
	{"4.2.3 a slow answer", cache.Transport{}, []step{
		{takes: 3 * sec, req: "GET /a", from: "200|Cache-Control: max-age=10|Age: 5|1", want: "200 1"},
		{req: "GET /a", want: "200 1", has: "Age: 8"},
		{takes: 3 * sec, req: "GET /b", from: "200|Cache-Control: max-age=10|1", want: "200 1"}, // the date is when it was answered
		{req: "GET /b", want: "200 1", has: "Age: 3"},
	}},
	{"4.2.4 no stale answer to a failure, unasked", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=1|1`, want: "200 1"},
		{after: 2 * sec, req: "GET /a", from: "error", want: "error"},
		{req: "GET /a", from: "503|busy", want: "503 busy"},
		{req: "GET /a", asked: `If-None-Match: "1"`, from: "304|", want: "200 1"},
	}},
	{"4.3.1 validators", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: W/"1"|Last-Modified: @-100|Cache-Control: no-cache|1`, want: "200 1"},
		{req: "GET /a", asked: `If-None-Match: W/"1"|If-Modified-Since: `, from: `304|ETag: "1"|`, want: "200 1", has: "Cache-Status: calandria; fwd=request; fwd-status=304"},
		{req: "GET /b", from: "200|Cache-Control: max-age=1|1", want: "200 1"},
		{after: 2 * sec, req: "GET /b", asked: "-If-None-Match|-If-Modified-Since", from: "200|2", want: "200 2"},
	}},
	{"4.3.2 the client's own copy", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Last-Modified: @-100|Content-Type: text/a|Cache-Control: max-age=10|1`, want: "200 1"},
		{req: `GET /a|If-None-Match: "0", W/"1"`, want: "304", has: `ETag: "1"|-Content-Type|` + hit},
		{req: `GET /a|If-None-Match: "2"`, want: "200 1"},
		{req: `GET /a|If-None-Match: *`, want: "304"},
		{req: `HEAD /a|If-None-Match: "1"`, want: "304"},
		{req: `GET /a|If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT`, want: "304"},
		{req: `GET /a|If-Modified-Since: Fri, 31 Dec 1999 00:00:00 GMT`, want: "200 1"},
		{req: `GET /a|If-Match: "1"`, from: "412|", want: "412"},
		{after: 11 * sec, req: `GET /a|If-None-Match: "0"`, asked: `If-None-Match: "0"`, from: `304|ETag: "0"|`, want: "304"},
		{req: "GET /a", asked: `If-None-Match: "1"`, from: `304|ETag: "1"|Cache-Control: max-age=10|`, want: "200 1"},
		{after: 11 * sec, req: `GET /a|If-None-Match: "1"`, from: `304|ETag: "1"|Cache-Control: max-age=10|`, want: "304"},
		{req: "GET /a", want: "200 1"},
		{after: 11 * sec, req: `GET /a|If-None-Match: "0"`, from: `304|`, want: "304"},
		{req: "GET /a", asked: `If-None-Match: "1"`, from: `304|`, want: "200 1"},
	}},
	{"4.3.3 a full answer takes its place", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=1, stale-if-error=100|1`, want: "200 1"},
		{after: 2 * sec, req: "GET /a", from: `200|ETag: "2"|Cache-Control: max-age=10|2`, want: "200 2"},
		{req: "GET /a", want: "200 2"},
		{after: 11 * sec, req: "GET /a", from: "404|gone", want: "404 gone"},
		{req: "GET /a", asked: "-If-None-Match", from: "error", want: "error"},
	}},
	{"4.3.5 HEAD", cache.Transport{}, []step{
		{req: "HEAD /a", from: "200|Cache-Control: max-age=10|", want: "200"},
		{req: "GET /a", from: `200|ETag: "1"|X-A: 1|Cache-Control: max-age=10|body`, want: "200 body"},
		{req: "HEAD /a", want: "200", has: "X-A: 1|" + hit},
		{after: 11 * sec, req: "HEAD /a", asked: "-If-None-Match", from: `200|ETag: "1"|X-A: 2|Cache-Control: max-age=10|body`, want: "200"},
		{req: "GET /a", want: "200 body", has: "X-A: 2"},
		{after: 11 * sec, req: "HEAD /a", from: `200|ETag: "1"|Cache-Control: max-age=10|longer body`, want: "200"},
		{req: "GET /a", asked: "-If-None-Match", from: `200|ETag: "1"|Cache-Control: max-age=10|longer body`, want: "200 longer body"},
	}},
	{"4.4 unsafe methods", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=100|1", want: "200 1"},
		{req: "GET /b", from: "200|Cache-Control: max-age=100|1", want: "200 1"},
		{req: "GET /c", from: "200|Cache-Control: max-age=100|1", want: "200 1"},
		{req: "GET http://other.example/c", from: "200|Cache-Control: max-age=100|1", want: "200 1"},
		{req: "OPTIONS /a", from: "200|", want: "200"},
		{req: "POST /a", from: "500|", want: "500"},
		{req: "POST /a", from: "403|", want: "403"},
		{req: "POST /a", from: "error", want: "error"},
		{req: "GET /a", want: "200 1"},
		{req: "POST /a", from: "201|Location: /b|Content-Location: http://origin.example:80/c|", want: "201"},
		{req: "GET /a", from: "200|Cache-Control: max-age=100|2", want: "200 2"},
		{req: "GET /b", from: "200|2", want: "200 2"},
		{req: "GET /c", from: "200|2", want: "200 2"},
		{req: "DELETE /x", from: "200|Location: http://other.example/c|", want: "200"},
		{req: "GET http://other.example/c", want: "200 1"},
		{req: "PURGE /a", from: "303|", want: "303"},
		{req: "GET /a", from: "200|3", want: "200 3"},
	}},
	{"5.2.1.1 request max-age", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=100|1", want: "200 1"},
		{after: 10 * sec, req: "GET /a|Cache-Control: max-age=10", want: "200 1"},
		{req: "GET /a|Cache-Control: max-age=9", from: "200|Cache-Control: max-age=100|2", want: "200 2", has: "Cache-Status: calandria; fwd=request"},
		{req: "GET /a|Cache-Control: max-age=0", from: "200|Cache-Control: max-age=100|3", want: "200 3"},
		{req: "GET /a|Cache-Control: max-age=x", from: "200|Cache-Control: max-age=100|4", want: "200 4"},
	}},
	{"5.2.1.2 max-stale", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=10|1", want: "200 1"},
		{after: 15 * sec, req: "GET /a|Cache-Control: max-stale=5", want: "200 1", has: hit + "; ttl=-5"},
		{req: "GET /a|Cache-Control: max-stale", want: "200 1"},
		{req: "GET /a|Cache-Control: max-stale=4", from: "200|Cache-Control: max-age=10, must-revalidate|2", want: "200 2"},
		{after: 11 * sec, req: "GET /a|Cache-Control: max-stale", from: "200|3", want: "200 3"},
	}},
	{"5.2.1.3 min-fresh", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=10|1", want: "200 1"},
		{after: 5 * sec, req: "GET /a|Cache-Control: min-fresh=5", want: "200 1"},
		{req: "GET /a|Cache-Control: min-fresh=6", from: "200|Cache-Control: max-age=10|2", want: "200 2"},
	}},
	{"5.2.1.4 request no-cache", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=100|1`, want: "200 1"},
		{req: "GET /a|Cache-Control: no-cache", asked: `If-None-Match: "1"`, from: "304|", want: "200 1"},
		{req: "GET /a|Pragma: no-cache", from: "304|", want: "200 1"},
		{req: "GET /a|Pragma: no-cache|Cache-Control: max-age=50", want: "200 1"},
	}},
	{"5.2.1.5 request no-store", cache.Transport{}, []step{
		{req: "GET /a|Cache-Control: no-store", from: "200|Cache-Control: max-age=100|1", want: "200 1"},
		{req: "GET /a", from: "200|Cache-Control: max-age=100|2", want: "200 2"},
		{req: "GET /a|Cache-Control: no-store", want: "200 2"},
		{req: "GET /b", from: `200|ETag: "1"|Cache-Control: max-age=10|1`, want: "200 1"},
		{after: 11 * sec, req: "GET /b|Cache-Control: no-store", from: "304|Cache-Control: max-age=100|", want: "200 1"},
		{req: "GET /b", asked: `If-None-Match: "1"`, from: "304|", want: "200 1"},
	}},
	{"5.2.1.7 only-if-cached", cache.Transport{}, []step{
		{req: "GET /a|Cache-Control: only-if-cached", want: "504", has: "Cache-Status: calandria; fwd=uri-miss"},
		{req: "GET /a", from: "200|Cache-Control: max-age=10|1", want: "200 1"},
		{req: "GET /a|Cache-Control: only-if-cached", want: "200 1"},
		{after: 11 * sec, req: "GET /a|Cache-Control: only-if-cached", want: "504"},
		{req: "GET /a|Cache-Control: only-if-cached, max-stale=5", want: "200 1"},
	}},
	{"5.2.2.2 must-revalidate", cache.Transport{StaleIfError: time.Hour}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=10, must-revalidate, stale-if-error=100, stale-while-revalidate=100|1`, want: "200 1"},
		{after: 9 * sec, req: "GET /a", want: "200 1"},
		{after: 2 * sec, req: "GET /a", from: "error", want: "error"},
		{req: "GET /a", from: "502|", want: "502"},
		{req: "GET /a", from: "304|", want: "200 1"},
	}},
	{"5.2.2.3 must-understand", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=10, must-understand, no-store|1", want: "200 1"},
		{req: "GET /a", want: "200 1"},
		{req: "GET /b", from: "299|Cache-Control: max-age=10, must-understand|1", want: "299 1"},
		{req: "GET /b", from: "299|Cache-Control: max-age=10|2", want: "299 2"},
		{req: "GET /b", want: "299 2"},
	}},
	{"5.2.2.4 no-cache", cache.Transport{StaleIfError: time.Hour}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=10, no-cache="Set-Cookie, X"|1`, want: "200 1"},
		{req: "GET /a", from: "304|", want: "200 1"},
		{req: "GET /a|Cache-Control: max-stale", from: "error", want: "error"},
	}},
	{"5.2.2.5 no-store", cache.Transport{}, []step{
		{req: "GET /a", from: "200|Cache-Control: max-age=10|1", want: "200 1"},
		{req: "GET /a|Cache-Control: no-cache", from: "200|Cache-Control: max-age=10, NO-STORE|2", want: "200 2"},
		{req: "GET /a", from: "200|3", want: "200 3"},
	}},
	{"5.2.2.7 private", cache.Transport{}, []step{
		{req: "GET /a", from: `200|Cache-Control: private="X", max-age=10|1`, want: "200 1"},
		{req: "GET /a", want: "200 1"},
	}},
	{"RFC 8246 immutable", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=10, immutable|1`, want: "200 1"},
		{req: "GET /a|Cache-Control: max-age=0", want: "200 1"},
		{req: "GET /a|Cache-Control: no-cache", from: "304|", want: "200 1"},
		{after: 11 * sec, req: "GET /a|Cache-Control: max-age=0", from: "304|", want: "200 1"},
	}},
	{"RFC 5861 3 stale-while-revalidate", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=10, stale-while-revalidate=5|1`, want: "200 1"},
		{after: 12 * sec, req: "GET /a", asked: `If-None-Match: "1"`, from: `200|ETag: "2"|Cache-Control: max-age=10, stale-while-revalidate=5|2`, want: "200 1", has: hit + "; ttl=-2"},
		{req: "GET /a", want: "200 2"},
		{after: 16 * sec, req: "GET /a", from: "304|", want: "200 2", has: "Cache-Status: calandria; fwd=stale"},
		{after: 12 * sec, req: "GET /a|Cache-Control: max-age=100", from: "304|", want: "200 2", has: "Cache-Status: calandria; fwd=stale"},
		{after: 12 * sec, req: `HEAD /a|If-None-Match: "9"`, asked: `If-None-Match: "2"`, from: "304|", want: "200"},
		{req: "GET /a", want: "200 2"},
		{after: 12 * sec, req: "GET /a", from: "error", want: "200 2"},
		{req: "GET /a", from: "304|", want: "200 2", has: hit},
	}},
	{"RFC 5861 4 stale-if-error", cache.Transport{}, []step{
		{req: "GET /a", from: `200|ETag: "1"|Cache-Control: max-age=10, stale-if-error=5|1`, want: "200 1"},
		{after: 15 * sec, req: "GET /a", from: "error", want: "200 1", has: "Age: 15|Cache-Status: calandria; fwd=stale; detail=stale-if-error"},
		{req: "GET /a", from: "503|busy", want: "200 1", has: "Cache-Status: calandria; fwd=stale; fwd-status=503; detail=stale-if-error"},
		{req: "GET /a", from: "404|gone", want: "404 gone"},
		{req: "GET /b", from: `200|ETag: "1"|Cache-Control: max-age=10, stale-if-error=5|1`, want: "200 1"},
		{after: 16 * sec, req: "GET /b", from: "error", want: "error"},
		{req: "GET /b|Cache-Control: stale-if-error=10", from: "error", want: "200 1"},
	}},
	{"RFC 5861 4 by configuration", cache.Transport{StaleIfError: time.Minute}, []step{
		{req: "GET /a", from: `200|Cache-Control: max-age=10|1`, want: "200 1"},
		{after: 70 * sec, req: "GET /a", from: "error", want: "200 1"},
		{after: sec, req: "GET /a", from: "error", want: "error"},
	}},
	{"RFC 9211 name", cache.Transport{Name: "mine"}, []step{
		{req: "GET /a", from: "200|Cache-Status: theirs; hit|Cache-Control: max-age=10|1", want: "200 1", has: "Cache-Status: theirs; hit|Cache-Status: mine; fwd=uri-miss"},
		{req: "GET /a", want: "200 1", has: "Cache-Status: theirs; hit|Cache-Status: mine; hit; ttl=10"},
	}},
}

func TestSections(t *testing.T) {
	for i := range sections {
		s := &sections[i]
		c := &cache.Transport{MaxVariants: s.cache.MaxVariants, MaxHeuristic: s.cache.MaxHeuristic, StaleIfError: s.cache.StaleIfError, Name: s.cache.Name}
		t.Run(s.name, func(t *testing.T) { run(t, c, s.steps) })
	}
}
