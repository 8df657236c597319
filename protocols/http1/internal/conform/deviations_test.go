package conform_test

// deviations names the cases that net/http (of the Go version in go.mod) does
// not pass, by reason. Each was looked at: either an RFC is not followed, or it
// leaves a choice and net/http takes the one that our policy rules out.
var deviations = func() map[string]string {
	reasons := map[string]string{}
	for _, d := range deviationList {
		for _, name := range d.names {
			reasons[name] = d.reason
		}
	}
	return reasons
}()

var deviationList = []struct {
	reason string
	names  []string
}{
	{
		reason: "a bare LF ends a line. RFC 9112, section 2.2 allows it (MAY); we refuse, since a bare LF is a line to one hop and text to the next",
		names: []string{
			"9112-2.2-bare-lf-request-line",
			"9112-2.2-bare-lf-everywhere",
			"9112-2.2-bare-lf-everywhere-alone",
			"9112-2.2-bare-lf-request-line-alone",
			"9112-2.2-bare-lf-in-fields",
			"9112-2.2-bare-lf-after-last-field",
			"9112-2.2-bare-lf-empty-line",
			"9112-2.2-bare-lf-empty-line-alone",
			"9112-2.2-lf-cr-ends-head",
			"9112-7.1-lf-final",
			"9112-7.1.2-trailer-bad-lf",
			"9112-9.3.2-good-then-bare-lf",
			"9112-11.1-crlf-by-lf-in-target",
			"9112-11.2-request-after-bare-lfs",
			"9112-11.2-hidden-te-leading-lf",
			"9112-11.2-hidden-te-bare-lf-before",
			"9112-11.2-hidden-cl-bare-lf-before",
		},
	},
	{
		reason: "obs-fold is replaced by a space, one of the two choices of RFC 9112, section 5.2; we take the other, a 400",
		names: []string{
			"9112-5.2-host-folded-empty",
			"9112-5.2-obs-fold-space",
			"9112-5.2-obs-fold-tab",
			"9112-5.2-obs-fold-spaces",
			"9112-5.2-obs-fold-empty",
			"9112-5.2-obs-fold-with-colon",
			"9112-5.2-obs-fold-twice",
			"9112-5.2-length-folded",
			"9112-6.3-coding-folded",
			"9112-6.3-length-and-coding-folded",
			"9112-6.3-coding-folded-tab",
			"9112-6.3-length-and-coding-folded-tab",
			"9112-7.1.2-trailer-bad-folded",
			"9112-5.2-continue-folded",
			"9112-11.2-request-in-folded-value",
			"9112-11.2-hidden-te-folded-value",
			"9112-11.2-hidden-cl-folded-value",
		},
	},
	{
		reason: "an empty line before the first request, or after one without a body, is not ignored (RFC 9112, section 2.2, SHOULD)",
		names: []string{
			"9112-2.2-one-leading-crlf",
			"9112-2.2-crlf-after-get",
		},
	},
	{
		reason: "the target's grammar is not checked: fragment, empty host, userinfo, a scheme without an authority (RFC 9112, section 3.2; RFC 9110, sections 4.2.1 and 4.2.4)",
		names: []string{
			"9112-3.2-fragment",
			"9110-4.2.1-absolute-empty-host",
			"9110-4.2.1-absolute-port-without-host",
			"9110-4.2.4-absolute-userinfo",
			"9110-4.2.4-absolute-user-password",
			"9112-3.2.2-absolute-fragment",
			"9112-3.2.2-absolute-one-slash",
		},
	},
	{
		reason: "ServeMux redirects an empty path to \"/\" with a 307 where RFC 9110, section 4.2.3 calls the two the same, and takes conform:80 for such a URI",
		names: []string{
			"9110-4.2.3-absolute-no-path",
			"9112-3.2.3-authority-with-get",
		},
	},
	{
		reason: "the 400 to a HEAD carries a body (RFC 9110, section 9.3.2)",
		names: []string{
			"9112-3.2-host-missing-head",
		},
	},
	{
		reason: "only the characters of Host are checked, not its syntax, where RFC 9112, section 3.2 says 400 (MUST)",
		names: []string{
			"9112-3.2-host-bad-port-letters",
			"9112-3.2-host-bad-port-mixed",
			"9112-3.2-host-bad-port-negative",
			"9112-3.2-host-bad-port-plus",
			"9112-3.2-host-bad-two-ports",
			"9112-3.2-host-bad-ipv6-open",
			"9112-3.2-host-bad-ipv6-closed",
			"9112-3.2-host-bad-ipv6-bare",
			"9112-3.2-host-bad-ipv6-garbage",
			"9112-3.2-host-bad-ipv6-not-hex",
			"9112-3.2-host-bad-ipv6-empty",
			"9112-3.2-host-bad-ipv6-zone",
			"9112-3.2-host-bad-bracket-inside",
			"9112-3.2-host-bad-percent-not-hex",
			"9112-3.2-host-bad-percent-short",
		},
	},
	{
		reason: "equal repeated lengths are merged, as RFC 9110, section 8.6 allows (MAY)",
		names: []string{
			"9112-6.3-length-twice-same",
			"9112-6.3-get-length-twice",
		},
	},
	{
		reason: "Transfer-Encoding in an HTTP/1.0 request is ignored, and its body answered as a request, where RFC 9112, section 6.1 says faulty framing (MUST)",
		names: []string{
			"9112-6.1-chunked-1.0-closes",
			"9112-6.1-chunked-1.0",
			"9112-6.1-chunked-1.0-keep-alive",
			"9112-6.1-chunked-and-length-1.0",
			"9112-6.1-unknown-coding-1.0",
		},
	},
	{
		reason: "Content-Length beside Transfer-Encoding is ignored, as RFC 9112, section 6.3 allows (MAY)",
		names: []string{
			"9110-10.1.1-both-framings",
			"9112-6.3-cl-te",
			"9112-6.3-te-cl",
			"9112-6.3-cl-te-agree",
			"9112-6.3-cl-zero-te",
			"9112-6.3-cl-te-apart",
			"9112-6.3-cl-te-on-get",
			"9112-6.3-cl-te-on-head",
			"9112-6.3-cl-te-cl",
			"9112-11.2-hidden-te-no-space",
			"9112-11.2-hidden-te-upper-case",
		},
	},
	{
		reason: "white space after a chunk size is skipped",
		names: []string{
			"9112-7.1-size-trailing-space",
			"9112-7.1-size-trailing-tab",
		},
	},
	{
		reason: "chunk extensions are skipped, not parsed (RFC 9112, section 7.1.1)",
		names: []string{
			"9112-7.1.1-ext-bad-nul",
			"9112-7.1.1-ext-bad-nul-quoted",
			"9112-7.1.1-ext-bad-control",
			"9112-7.1.1-ext-bad-del",
			"9112-7.1.1-ext-bad-high-byte-name",
			"9112-7.1.1-ext-bad-empty",
			"9112-7.1.1-ext-bad-two-semicolons",
			"9112-7.1.1-ext-bad-trailing-semicolon",
			"9112-7.1.1-ext-bad-no-name",
			"9112-7.1.1-ext-bad-no-value",
			"9112-7.1.1-ext-bad-open-quote",
			"9112-7.1.1-ext-bad-after-quote",
			"9112-7.1.1-ext-bad-quote-in-token",
			"9112-7.1.1-ext-bad-open-quoted-pair",
			"9112-7.1.1-ext-bad-two-equals",
			"9112-7.1.1-ext-bad-space-in-name",
			"9112-7.1.1-ext-bad-parenthesis",
			"9112-7.1.1-ext-bad-only-space",
		},
	},
	{
		reason: "trailers are read leniently, and not counted",
		names: []string{
			"9112-7.1.2-trailer-bad-space-before-colon",
			"9112-7.1.2-trailer-bad-space-in-name",
			"9112-7.1.2-150-trailers",
		},
	},
	{
		reason: "a chunk too large for the limit is only refused when its data come; the handler's limit knows no sizes",
		names: []string{
			"9112-7.1-size-wraps-signed",
			"9110-15.5.14-chunk-over",
			"9110-15.5.14-chunk-far-over",
			"9110-15.5.14-chunk-int64-max",
			"9110-15.5.14-chunk-uint64-max",
			"9110-15.5.14-second-chunk-over",
		},
	},
	{
		reason: "the head's limit (431) is found before the target's (RFC 9112, section 3: 414, MUST)",
		names: []string{
			"9112-3-target-24k",
			"9112-3-target-100k",
			"9112-3-target-without-end",
		},
	},
	{
		reason: "answers to requests that cannot be parsed carry no Date (RFC 9110, section 6.6.1, MUST in 4xx)",
		names: []string{
			"9110-6.6.1-date-on-400",
			"9110-6.6.1-date-on-431",
		},
	},
	{
		reason: "100-continue is found anywhere in Expect, as a word among others",
		names: []string{
			"9110-15.5.18-word-before-continue",
		},
	},
	{
		reason: "the answer to HTTP/1.0 says HTTP/1.0 (RFC 9110, section 6.2, SHOULD be the server's own version)",
		names: []string{
			"9110-6.2-1.0-answered-as-1.1",
		},
	},
	{
		reason: "close beside keep-alive does not close an HTTP/1.0 connection (RFC 9112, section 9.3)",
		names: []string{
			"9112-9.3-1.0-close-beats-keep-alive",
		},
	},
	{
		reason: "the connection lives on after Content-Length beside Transfer-Encoding, where RFC 9112, section 6.3 says close (MUST)",
		names: []string{
			"9112-6.3-cl-te-closes",
			"9112-6.3-cl-te-on-get-closes",
		},
	},
}
