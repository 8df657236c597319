package tftp

import (
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxName bounds a name, maxElement one of its elements: what file systems have.
const (
	maxName    = 512
	maxElement = 255
)

// CleanName makes a relative path of the name that a client sent: backslashes become slashes, as Windows' boot programs send
// them; leading and double slashes and "." go. The error is fs.ErrInvalid, and no file is touched, for a name with an
// element "..", with control characters or invalid UTF-8, an empty or a very long one, one that the system reserves, and
// for what looks like one of our own temporary files. It is pure, and one half of the protection: the other is os.Root,
// which holds against symbolic links too.
func CleanName(name string) (string, error) {
	if len(name) > maxName || !utf8.ValidString(name) {
		return "", fs.ErrInvalid
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f {
			return "", fs.ErrInvalid
		}
	}
	var out []string
	for e := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		switch {
		case e == "" || e == ".":
		case e == ".." || len(e) > maxElement || strings.HasPrefix(e, tempPrefix):
			return "", fs.ErrInvalid
		default:
			out = append(out, e)
		}
	}
	clean := strings.Join(out, "/")
	if clean == "" || !fs.ValidPath(clean) || !filepath.IsLocal(filepath.FromSlash(clean)) {
		return "", fs.ErrInvalid
	}
	return clean, nil
}
