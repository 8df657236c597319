package wire

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// A class of differences between the codec and net/http: why it is one, and its
// mark in the input, which is looked for with regular expressions and not with
// the codec.
type differenceClass struct {
	reason  string
	why     string
	applies func(in []byte, taken *verdict) bool
}

// naive is a request cut at its LFs, without any check.
type naive struct {
	all                     string
	method, target, version string
	lines                   []string // without line ends
	body                    string
}

func naively(in []byte) (n naive) {
	n.all = string(in)
	rest := strings.TrimPrefix(n.all, "\r\n")
	line, rest, _ := strings.Cut(rest, "\n")
	n.method, n.target, _ = strings.Cut(strings.TrimSuffix(line, "\r"), " ")
	n.target, n.version, _ = strings.Cut(n.target, " ")
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\n")
		if line = strings.TrimSuffix(line, "\r"); line == "" {
			break
		}
		n.lines = append(n.lines, line)
	}
	n.body = rest
	return n
}

// values returns what stands behind the colon of each line with that name,
// without white space.
func (n *naive) values(name string) (values []string) {
	for _, line := range n.lines {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, name) {
			values = append(values, strings.Trim(v, " \t"))
		}
	}
	return values
}

func mark(expr string) func([]byte, *verdict) bool {
	re := regexp.MustCompile(expr)
	return func(in []byte, _ *verdict) bool { return re.Match(in) }
}

// shows makes a mark of a condition on a naively cut request.
func shows(f func(n *naive) bool) func([]byte, *verdict) bool {
	return func(in []byte, _ *verdict) bool {
		n := naively(in)
		return f(&n)
	}
}

// anyIs reports whether a value of the field matches.
func anyIs(name, expr string) func([]byte, *verdict) bool {
	re := regexp.MustCompile(expr)
	return shows(func(n *naive) bool {
		for _, v := range n.values(name) {
			if re.MatchString(v) {
				return true
			}
		}
		return false
	})
}

var (
	goodName = regexp.MustCompile(`^([-A-Za-z0-9._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+$`)
	goodPort = regexp.MustCompile(`:[0-9]{0,5}$`)
	goodLine = regexp.MustCompile(`^[0-9A-Fa-f]{1,16}(;[-0-9A-Za-z!#$%&'*+.^_|~` + "`" + `]+(=([-0-9A-Za-z!#$%&'*+.^_|~` + "`" +
		`]+|"([^\x00-\x08\x0a-\x1f\x7f"\\]|\\[^\x00-\x08\x0a-\x1f\x7f])*"))?)*$`)
)

// goodAuthority checks a host with an optional port.
func goodAuthority(s string) bool {
	host := goodPort.ReplaceAllString(s, "")
	if port := strings.TrimPrefix(s[len(host):], ":"); port > "65535" && len(port) == 5 {
		return false
	}
	if ip, ok := strings.CutPrefix(host, "["); ok {
		if ip, ok = strings.CutSuffix(ip, "]"); !ok {
			return false
		}
		addr, err := netip.ParseAddr(ip)
		return err == nil && addr.Is6() && addr.Zone() == ""
	}
	return goodName.MatchString(host)
}

// weRefuse has, by our reason, what net/http's ReadRequest takes and we do not.
var weRefuse = map[string]differenceClass{
	"asterisk_not_options": {why: "RFC 9112 3.2.4: only for a server-wide OPTIONS; net/http takes it with any method", applies: shows(func(n *naive) bool {
		return n.target == "*" && n.method != "OPTIONS"
	})},
	"bare_cr":        {why: "refused at the byte that shows it; net/http waits for the rest of the line", applies: partial},
	"bad_chunk_end":  {why: "refused at the byte that shows it; net/http waits for the rest of the line", applies: partial},
	"bad_chunk_size": {why: "refused at the byte that shows it; net/http waits for the rest of the line", applies: partial},
	"bad_chunk_ext": {why: "RFC 9112 7.1.1: extensions are checked; net/http drops what follows the semicolon", applies: shows(func(n *naive) bool {
		return anyLine(n.body, func(line string) bool { return strings.Contains(line, ";") && !goodLine.MatchString(line) })
	})},
	"bad_connect_target": {why: "RFC 9112 3.2.3: host and port, both; net/http takes other forms and no port", applies: shows(func(n *naive) bool {
		i := strings.LastIndexByte(n.target, ':')
		p, err := strconv.Atoi(n.target[i+1:])
		return n.method == "CONNECT" && (i < 0 || !goodAuthority(n.target) || err != nil || p < 1 || p > 65535)
	})},
	"bad_content_length": {why: "RFC 9110 8.6: at most 19 digits, none missing; net/http trims, unfolds and takes any number of zeros", applies: shows(func(n *naive) bool {
		good := regexp.MustCompile(`^[0-9]{1,19}$`)
		for _, v := range n.values("Content-Length") {
			if !good.MatchString(v) {
				return true
			}
		}
		return false
	})},
	"bad_host": {why: "RFC 9110 7.2: Host is checked; net/http does so in the server, and then less", applies: shows(func(n *naive) bool {
		for _, v := range n.values("Host") {
			if v != "" && !goodAuthority(v) {
				return true
			}
		}
		return false
	})},
	"bad_request_line": {why: "RFC 9112 3: one SP; net/http takes CONNECT without a target", applies: shows(func(n *naive) bool { return n.target == "" })},
	"bad_target": {why: "RFC 9112 3.2, RFC 3986: characters outside the grammar; net/http takes most of them", applies: shows(func(n *naive) bool {
		return regexp.MustCompile(`["<>\\\x80-\xff\x00-\x1f\x7f]`).MatchString(n.target) || strings.ContainsFunc(n.target, func(r rune) bool { return r > 0x7e })
	})},
	"bad_target_authority": {why: "RFC 9110 4.2.1, RFC 9112 3.2.2: an authority, valid and not empty; net/http takes an empty host", applies: shows(func(n *naive) bool {
		_, a, ok := strings.Cut(n.target, "://")
		a, _, _ = strings.Cut(a, "?")
		a, _, _ = strings.Cut(a, "/")
		return ok && !goodAuthority(a)
	})},
	"bad_target_form": {why: "RFC 9112 3.2: one of four forms; net/http takes any URI", applies: shows(func(n *naive) bool {
		return !strings.HasPrefix(n.target, "/") && !regexp.MustCompile(`^[A-Za-z][-+.0-9A-Za-z]*://`).MatchString(n.target)
	})},
	"bad_transfer_encoding":   {why: "RFC 9112 5.2: the value is on the next line; net/http unfolds", applies: mark(`(?i)\ntransfer-encoding:[ \t]*\r?\n[ \t]`)},
	"bare_lf":                 {why: "RFC 9112 2.2: a recipient may take LF for CRLF; two that differ in it see two messages", applies: mark(`(^|[^\r])\n`)},
	"both_cl_and_te":          {why: "RFC 9112 6.3: ought to be handled as an error; net/http lets Transfer-Encoding win", applies: mark(`(?is)(\ncontent-length:.*\ntransfer-encoding:)|(\ntransfer-encoding:.*\ncontent-length:)`)},
	"chunk_ext_too_long":      {why: "RFC 9112 7.1.1: a limit of 256 bytes; net/http's is on the line", applies: mark(`;[^\r\n]{256}`)},
	"chunk_size_overflow":     {why: "RFC 9112 7.1: a size of 2^63 or more; net/http counts to 2^64", applies: mark(`(?i)\n[89a-f][0-9a-f]{15}`)},
	"chunk_space":             {why: "RFC 9112 7.1.1: bad white space in a size line; net/http trims it", applies: mark(`\n[0-9A-Fa-f]*[ \t]|;[^\r\n]*[ \t]`)},
	"connect_with_body":       {why: "RFC 9110 9.3.6: CONNECT has no body", applies: mark(`(?is)CONNECT .*\n(content-length|transfer-encoding):`)},
	"forbidden_trailer":       {why: "RFC 9110 6.5.1: framing and routing fields in the trailer section", applies: mark(`(?i)\n(content-length|transfer-encoding|host):`)},
	"fragment_in_target":      {why: "RFC 9112 3.2: no fragment; net/http keeps it as part of the path", applies: shows(func(n *naive) bool { return strings.Contains(n.target, "#") })},
	"method_too_long":         {why: "RFC 9112 3: longer than any implemented; net/http has no limit", applies: shows(func(n *naive) bool { return len(n.method) > 32 })},
	"missing_host":            {why: "RFC 9112 3.2: required in HTTP/1.1; net/http checks in the server", applies: shows(func(n *naive) bool { return len(n.values("Host")) == 0 })},
	"obs_fold":                {why: "RFC 9112 5.2: a server may reject it; net/http unfolds", applies: mark(`\n[ \t]`)},
	"repeated_content_length": {why: "RFC 9112 6.3: also if they are the same; net/http takes these", applies: shows(func(n *naive) bool { return len(n.values("Content-Length")) > 1 })},
	"space_before_colon":      {why: "RFC 9112 5.1: MUST reject; net/http checks in the server", applies: mark(`\n[^:\r\n]*[ \t][^:\r\n]*:`)},
	"te_on_http10":            {why: "RFC 9112 6.1: faulty framing; net/http ignores the field", applies: mark(`(?is)HTTP/1\.0\r\n(.*\n)?transfer-encoding:`)},
	"unsupported_version":     {why: "RFC 9110 15.6.6: 505; net/http checks in the server", applies: shows(func(n *naive) bool { return strings.HasPrefix(n.version, "HTTP/") && n.version[5] != '1' })},
	"userinfo_in_target":      {why: "RFC 9110 4.2.4: only there to mislead; net/http parses it", applies: mark(`^(\r\n)?[^ ]* [^/ ]*://[^/ ]*@`)},
}

func partial(_ []byte, taken *verdict) bool { return taken.partial }

func anyLine(body string, f func(line string) bool) bool {
	for _, line := range strings.Split(body, "\r\n") {
		if f(line) {
			return true
		}
	}
	return false
}

// theyRefuse has, by a part of net/http's words, what it refuses and we take.
var theyRefuse = []differenceClass{
	{`malformed HTTP request ""`, "RFC 9112 2.2: an empty line before the request line SHOULD be ignored", mark(`^\r\n[^\r\n]`)},
	{`bad trailer key`, "RFC 9110 6.6.2: Trailer announces, and binds nobody; what then comes is checked", anyIs("Trailer", `(?i)content-length|transfer-encoding|trailer`)},
	{`suspiciously long trailer`, "the trailer section does not end within the bytes; net/http needs it in its buffer", incompleteTrailer},
	{`unexpected EOF reading trailer`, "the trailer section does not end within the bytes", incompleteTrailer},
	{`too much non-data`, "RFC 9112 7.1: a chunk of 2^62 bytes or more; net/http's count of twice its size overflows", mark(`(?i)\n0*[4-7][0-9a-f]{15}`)},
	{`invalid URL escape`, "RFC 3986 3.2.2: pct-encoded in a reg-name", mark(`^(\r\n)?[^ ]* [^/? ]*://[^/? ]*%[0-9A-Fa-f]{2}`)},
}

func incompleteTrailer(_ []byte, taken *verdict) bool { return taken.partial && taken.chunked }

// bothTake has, by what differs, requests that both take.
var bothTake = []differenceClass{
	{"trailers", "RFC 9110 6.5.1: fields that may not be trailers are dropped; net/http keeps them", mark(`(?i)\n(authorization|content-type|trailer):`)},
}
