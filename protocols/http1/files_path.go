package http1

import (
	"bytes"
	"net/http"
	"runtime"
	"unicode/utf8"
)

// key decodes a request's path into the name of a file below the root, with a slash at its end if it is to be a directory;
// the root itself is empty. status is 0, or what to answer.
//
// Nothing is repaired: a path with an empty, "." or ".." segment, however encoded, is none of ours (clients resolve these,
// RFC 3986 section 5.2.4), and one who guards a path in front of us must not be passed by another spelling of it. Nor are names with
// an encoded slash, a backslash, a control character, or what is not UTF-8, as overlong forms are not. It is decoded once.
func (s *FileServer) key(dst, path []byte) (key []byte, status int) {
	prefix := s.cfg.Prefix
	if len(path) < len(prefix) || string(path[:len(prefix)]) != prefix {
		if len(path) == len(prefix)-1 && len(path) > 0 && string(path) == prefix[:len(path)] {
			return nil, http.StatusMovedPermanently
		}
		return nil, http.StatusNotFound
	}
	segment := 0 // where it begins in dst
	plain := true
	for i := len(prefix); i < len(path); i++ {
		c := path[i]
		if c == '/' {
			if !s.goodSegment(dst[segment:]) {
				return nil, http.StatusNotFound
			}
			dst = append(dst, c)
			segment = len(dst)
			continue
		}
		if c == '%' {
			if i+2 >= len(path) {
				return nil, http.StatusBadRequest
			}
			hi, lo := unhex(path[i+1]), unhex(path[i+2])
			if hi > 15 || lo > 15 {
				return nil, http.StatusBadRequest
			}
			c = hi<<4 | lo
			i += 2
		}
		if c < ' ' || c == 0x7f || c == '/' || c == '\\' {
			return nil, http.StatusNotFound
		}
		plain = plain && c < utf8.RuneSelf
		dst = append(dst, c)
	}
	if segment < len(dst) && !s.goodSegment(dst[segment:]) {
		return nil, http.StatusNotFound
	}
	if !plain && !utf8.Valid(dst) {
		return nil, http.StatusNotFound
	}
	return dst, 0
}

// goodSegment says whether a decoded segment may be a name.
func (s *FileServer) goodSegment(b []byte) bool {
	switch {
	case len(b) == 0, b[0] == '.' && (len(b) == 1 || len(b) == 2 && b[1] == '.' || !s.cfg.Dotfiles):
		return false
	case runtime.GOOS == "windows":
		// A colon names a stream or a drive, and dots and spaces at the end are dropped: other spellings of a name.
		last := b[len(b)-1]
		return last != '.' && last != ' ' && bytes.IndexByte(b, ':') < 0
	}
	return true
}

// unhex is the value of a hexadecimal digit, or more than 15.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}
