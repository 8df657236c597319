package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes requests: most of good parts, some of odd ones, and then
// damages some.
type generator struct{ *rand.Rand }

func (g generator) pick(s ...string) string { return s[g.IntN(len(s))] }

// mostly picks the first string 24 times out of 25.
func (g generator) mostly(s ...string) string {
	if g.IntN(25) > 0 {
		return s[0]
	}
	return g.pick(s...)
}

func (g generator) request() []byte {
	var b bytes.Buffer
	nl := func() string { return g.rarely("\r\n", "\n", "\r", "\r\r\n", "\r\n\r\n", " \r\n") }
	if g.IntN(50) == 0 {
		b.WriteString(g.pick("\r\n", "\r\n\r\n", "\n", "\r", " "))
	}
	method := g.mostly(g.pick("GET", "POST", "PUT", "HEAD", "DELETE"), "OPTIONS", "CONNECT", "get", "M-SEARCH", "G(T", "", "PRI", strings.Repeat("M", 40))
	b.WriteString(method)
	b.WriteString(g.rarely(" ", "  ", "\t", ""))
	b.WriteString(g.target(method))
	b.WriteString(g.rarely(" ", "  ", "\t", ""))
	b.WriteString(g.mostly("HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/1.10", "http/1.1", "HTTP/1", "HTTP/11.1", "", "HTTP/1.1 "))
	b.WriteString(nl())
	body := g.body()
	var lines []string
	if g.IntN(50) > 0 {
		lines = append(lines, g.field("Host", g.host()))
	}
	for range g.IntN(5) {
		lines = append(lines, g.line())
	}
	lines = append(lines, g.framing(len(body))...)
	g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	for _, line := range lines {
		b.WriteString(line)
		b.WriteString(nl())
	}
	b.WriteString(g.rarely("\r\n", "\n", "\r", "", " \r\n"))
	if bytes.Contains(b.Bytes(), []byte("hunked")) || g.IntN(50) == 0 {
		body = g.chunks(body)
	}
	b.WriteString(body)
	b.WriteString(g.mostly("", "GET / HTTP/1.1\r\n", "\r\n", "x"))
	return g.damage(b.Bytes())
}

// rarely picks another than the first string once in 150 times.
func (g generator) rarely(s ...string) string {
	if g.IntN(150) > 0 {
		return s[0]
	}
	return g.pick(s...)
}

func (g generator) target(method string) string {
	switch {
	case method == "CONNECT" && g.IntN(10) > 0:
		return g.mostly("h.example:443", "", "[::1]:80", "h", "h:", "h:0", "h:99999", "h:x", "u@h:80", "/", "*", "h:80/a")
	case method == "OPTIONS" && g.IntN(3) > 0:
		return g.mostly("*", "**", "/*", "*?a")
	}
	path := func() string {
		return g.mostly(g.pick("/", "/index.html", "/a/b/c", "/a%20b", "/a//b", "/../x", "//h/a", "/[a]", "/{a}|^`", "/a;b=c,d", "/:@!$&'()*+=~"),
			"/%zz", "/%", "/a\\b", "/\"", "/<a>", "/\x7f", "/\xc3\xa9")
	}
	query := func() string {
		return g.mostly("", "?", "?a=b", "?a=b&c=d", "?100%", "?%zz", "?a?b/c", "?a\\b", "?#", "#f", "?\"", "?{}|^`[]", "?\xff")
	}
	switch g.IntN(20) {
	case 0:
		return g.mostly(g.pick("http", "https", "HTTP", "ftp", "a+b"), "", "1a", "h_t", "urn") + g.mostly("://", ":", ":/", "//", ":///") +
			g.host() + g.mostly(path(), "", "?a") + query()
	case 1:
		return g.mostly("/", "*", "a", "?a", "", "#", "h:80", "a/b", "mailto:a@b", "../a", ":", "%2f", "[", "@")
	}
	return path() + query()
}

func (g generator) host() string {
	return g.mostly(g.pick("h", "example.com", "127.0.0.1:8080", "[::1]:80"), "", "h:", "h:80", "h:0", "h:99999", "h:x", ":80", "a b", "a,b",
		"a/b", "u@h", "u:p@h", "h\\", "[::1", "::1", "[::1%25lo]", "[v1.x]", "[h]", "%41", "%zz", "a_b", "a!$&'()*+;=~", "h\x80", "\"h\"", "<h>",
		"h#", "h?", "a|b", "a^b", "a`b", "{a}", "h:000080", "h:+1", "[::1]x", "xn--a", "a..b", "-a")
}

func (g generator) field(name, value string) string {
	return g.rarely(name, strings.ToLower(name), strings.ToUpper(name), name+" ", name+"\t", " "+name, name+"\x00") +
		g.rarely(":", "", " :", "::") + g.mostly(" ", "", "\t", "  ", " \t ", "\r\n ") + value + g.rarely("", " ", "\t", "\x0b", "\x00", "\x7f", "\r")
}

func (g generator) line() string {
	name := g.mostly(g.pick("A", "Accept", "X-Field", "Cookie", "User-Agent", "x_y", "a.b~"), "", "A B", "A(", "A\x80", "A\x7f", ":", "Trailer", "A/b", "{", "Content-Type")
	value := g.mostly(g.pick("", "b", "a b", "text/html, */*;q=0.8", strings.Repeat("v", g.IntN(40))), "\x80\xff", "a\tb", "a\x00b", "a\x7f", "a\r\n b", "a\rb", "a\nb", "a\x0bb", "\"", "x\x1b")
	switch g.IntN(40) {
	case 0:
		name, value = "Connection", g.pick("close", "keep-alive", "Upgrade", "close, x", "CLOSE", "")
	case 1:
		name, value = "Expect", g.pick("100-continue", "200-x", "")
	case 2:
		name, value = "Host", g.host()
	case 3:
		name, value = "TE", "trailers"
	case 4:
		name, value = "Trailer", g.pick("A", "A, B", "Content-Length", "")
	}
	return g.field(name, value)
}

func (g generator) framing(n int) (lines []string) {
	length := func() string {
		return g.field("Content-Length", g.mostly(fmt.Sprint(n), "", "0", "+5", "-1", "5 5", "5, 5", "5,5", "0x5", "007", "5;a", "9223372036854775807",
			"9223372036854775808", "99999999999999999999", "00000000000000000005", "5_0", "\"5\"", "1e1", "x"))
	}
	coding := func() string {
		return g.field("Transfer-Encoding", g.mostly("chunked", "Chunked", "CHUNKED", "gzip", "identity", "gzip, chunked", "chunked, gzip", "chunked, chunked",
			"chunked,", ",chunked", "chunked;a=b", "\"chunked\"", "xchunked", "", "chunked ", "\x0bchunked", "chunked\xa0", "chun\tked", "gzip;a=\"b"))
	}
	switch g.IntN(32) {
	case 0, 1, 2, 3, 4, 16, 17, 18, 19, 20, 21:
		return []string{length()}
	case 5, 6, 7, 8, 9, 22, 23, 24, 25, 26, 27:
		return []string{coding()}
	case 10:
		return []string{length(), coding()}
	case 11:
		return []string{length(), length()}
	case 12:
		return []string{coding(), coding()}
	}
	return nil
}

func (g generator) body() string { return strings.Repeat("b", g.IntN(3)*g.IntN(20)) }

func (g generator) chunks(body string) string {
	var b strings.Builder
	nl := func() string { return g.rarely("\r\n", "\n", "\r", "", "\r\n\r\n", "\r\r\n") }
	ext := func() string {
		return g.mostly("", ";a", ";a=b", ";a=\"b;\"", "; a", ";a =b", " ;a", ";", ";;", ";a=", ";\"a\"", ";a\x00", ";a\x80", ";a=\"b", ";a=\"\\\"\"",
			";"+strings.Repeat("e", 300), " ", "\t", ",", "\x0b")
	}
	for len(body) > 0 {
		n := 1 + g.IntN(len(body))
		b.WriteString(g.mostly(fmt.Sprintf("%x", n), fmt.Sprintf("%X", n), fmt.Sprintf("%04x", n), fmt.Sprintf("%020x", n), fmt.Sprintf("0x%x", n),
			fmt.Sprintf(" %x", n), fmt.Sprintf("+%x", n), fmt.Sprintf("-%x", n), "", "g", "fffffffffffffff0", "7fffffffffffffff", "10000000000000005"))
		b.WriteString(ext())
		b.WriteString(nl())
		b.WriteString(body[:n])
		b.WriteString(nl())
		body = body[n:]
	}
	if g.IntN(20) == 0 {
		return b.String()
	}
	b.WriteString(g.mostly("0", "00", "0000000000000000", "00000000000000000", "", "-0", "0\r\rx"))
	b.WriteString(ext())
	b.WriteString(nl())
	for g.IntN(6) == 0 {
		b.WriteString(g.mostly("A: b", "X-Trailer: \tc ", "A : b", " A: b", "A", ": b", "A: \x00", "Content-Length: 5", "Host: h", "Transfer-Encoding: chunked",
			"Authorization: x", "Trailer: A", "A: \x80", "A\x00: b", "content-type: x", "A: b\r\n c"))
		b.WriteString(nl())
	}
	b.WriteString(nl())
	return b.String()
}

// damage changes one or two bytes of one request in five.
func (g generator) damage(b []byte) []byte {
	if g.IntN(5) > 0 || len(b) == 0 {
		return b
	}
	const odd = "\x00\t\n\v\f\r \"#%(),/:;<=>?@[\\]{}\x7f\x80\xa0\xff019afgAHx+-_."
	for range 1 + g.IntN(2) {
		i := g.IntN(len(b))
		c := odd[g.IntN(len(odd))]
		switch g.IntN(4) {
		case 0:
			b[i] = c
		case 1:
			b = append(b[:i], append([]byte{c}, b[i:]...)...)
		case 2:
			if len(b) > 1 {
				b = append(b[:i], b[i+1:]...)
			}
		case 3:
			b = append(b[:i], append([]byte{b[i]}, b[i:]...)...)
		}
	}
	return b
}
