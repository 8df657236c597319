package main

import (
	"fmt"
	"runtime"
)

// page says what runs here.
func page(kind string) string {
	return fmt.Sprintf(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>calandria httpd</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}code{font-size:.95em}</style></head>
<body>
<h1>calandria httpd</h1>
<p>An HTTP/1.1 server on event loops, with %s handlers, on %s/%s with %d processors.</p>
<ul>
<li><code>GET <a href="/plaintext">/plaintext</a></code> a fixed text</li>
<li><code>GET <a href="/json">/json</a></code> a fixed JSON object</li>
<li><code>POST /echo</code> the request's body</li>
<li><code><a href="/sleep?ms=100">/sleep?ms=100</a></code> an answer after so many milliseconds</li>
<li><code>GET <a href="/events">/events</a></code> Server-Sent Events: the time, once a second</li>
<li><code>POST /upload</code> a form with files, streamed to disk; answers with their sums</li>
<li><code>GET /static/</code> files, with <code>-static</code></li>
<li><code>GET <a href="/healthz">/healthz</a></code>, <code><a href="/metrics">/metrics</a></code>, <code><a href="/debug/calandria/">/debug/calandria/</a></code> for operators</li>
</ul>
</body>
</html>
`, kind, runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}
