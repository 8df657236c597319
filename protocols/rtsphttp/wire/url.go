package wire

import "bytes"

// URL is an rtsp or rtsps URL in its parts, as they were written. They alias the bytes that were split.
type URL struct {
	Scheme    []byte // "rtsp" or "rtsps"
	Authority []byte // without user and password
	Path      []byte // with the query; empty, or beginning with a slash
}

// SplitURL splits a URL; false if it is not an absolute one of RTSP.
func SplitURL(b []byte) (u URL, ok bool) {
	scheme, rest, ok := bytes.Cut(b, []byte("://"))
	if !ok || !equalFold(scheme, "rtsp") && !equalFold(scheme, "rtsps") && !equalFold(scheme, "rtspu") {
		return u, false
	}
	u.Scheme = scheme
	u.Authority = rest
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		u.Authority, u.Path = rest[:i], rest[i:]
	}
	if i := bytes.LastIndexByte(u.Authority, '@'); i >= 0 {
		u.Authority = u.Authority[i+1:]
	}
	return u, len(u.Authority) > 0
}

// CutPrefix removes a path prefix, which ends without a slash, where a segment ends; false if path is not below it. What is left begins
// with a slash or a question mark, or is empty.
func CutPrefix(path []byte, prefix string) (rest []byte, ok bool) {
	if len(path) < len(prefix) || string(path[:len(prefix)]) != prefix {
		return nil, false
	}
	rest = path[len(prefix):]
	return rest, len(rest) == 0 || rest[0] == '/' || rest[0] == '?'
}

// ReplaceURLs appends text with each RTSP URL in it replaced by what f appends for it: f returns false to leave it as it is. A URL ends at
// white space, a quote, a comma, a semicolon or an angle bracket.
func ReplaceURLs(dst, text []byte, f func(dst []byte, u URL) ([]byte, bool)) []byte {
	for {
		i := bytes.Index(text, []byte("rtsp"))
		if i < 0 {
			return append(dst, text...)
		}
		end := len(text)
		if k := bytes.IndexAny(text[i:], " \t\r\n\"',;<>"); k >= 0 {
			end = i + k
		}
		dst = append(dst, text[:i]...)
		u, ok := SplitURL(text[i:end])
		if ok {
			dst, ok = f(dst, u)
		}
		if !ok {
			end = i + len("rtsp")
			dst = append(dst, text[i:end]...)
		}
		text = text[end:]
	}
}
