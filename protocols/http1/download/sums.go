package download

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// algorithms are those of checksum lists, by their names. MD5 and SHA-1 find what went wrong by accident; who means harm can make
// two files of one sum.
var algorithms = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// bySize are the algorithms by the length of their sums.
var bySize = map[int]string{md5.Size: "md5", sha1.Size: "sha1", sha256.Size: "sha256", sha512.Size384: "sha384", sha512.Size: "sha512"}

// Sum is the expected checksum of a file.
type Sum struct {
	// Algorithm is md5, sha1, sha256, sha384 or sha512.
	Algorithm string
	// Sum is the bytes of it.
	Sum []byte
	// Name is the file's in the list that it comes from; empty if that has none.
	Name string
}

// What is wrong with a list of checksums.
var (
	// ErrSum: a line or a text is no checksum.
	ErrSum = errors.New("download: bad checksum")
	// ErrNoSum: the list has none for the file.
	ErrNoSum = errors.New("download: no checksum for the file")
	// ErrAmbiguous: the list has two different ones of the same algorithm for the file.
	ErrAmbiguous = errors.New("download: several checksums for the file")
)

// ParseSum reads one checksum: hexadecimal digits, whose number tells the algorithm, or "algorithm:digits".
func ParseSum(s string) (Sum, error) {
	name, digits, named := strings.Cut(s, ":")
	if !named {
		name, digits = "", s
	}
	return newSum(name, digits, "")
}

func newSum(algorithm, digits, file string) (Sum, error) {
	b, err := hex.DecodeString(digits)
	of := bySize[len(b)]
	algorithm = strings.ReplaceAll(strings.ToLower(algorithm), "-", "")
	if err != nil || of == "" || algorithm != "" && algorithm != of {
		return Sum{}, fmt.Errorf("%w: %.200q", ErrSum, digits)
	}
	return Sum{Algorithm: of, Sum: b, Name: file}, nil
}

func checkSums(sums []Sum) error {
	for _, s := range sums {
		if bySize[len(s.Sum)] != s.Algorithm || s.Algorithm == "" {
			return fmt.Errorf("%w: %s of %d bytes", ErrSum, s.Algorithm, len(s.Sum))
		}
	}
	return nil
}

const (
	maxListBytes = 4 << 20
	maxLineBytes = 16 << 10
)

// ParseSums reads a list of checksums, at most 4 MiB: the lines of sha256sum, md5sum and their like, "digits  name" or "digits *name",
// with a backslash in front where the name is escaped; those of BSD, "SHA256 (name) = digits"; and a line of digits alone. Empty
// lines, and those that begin with #, are skipped. Anything else is ErrSum: of a list that is half understood nothing is believed.
func ParseSums(r io.Reader) ([]Sum, error) {
	limited := &io.LimitedReader{R: r, N: maxListBytes + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxLineBytes)
	lines.Split(scanLF)
	var sums []Sum
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if n == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		sums = append(sums, s)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%w: a line is too long", ErrSum)
	case err != nil:
		return nil, err
	case limited.N <= 0:
		return nil, fmt.Errorf("%w: the list is too long", ErrSum)
	}
	return sums, nil
}

// scanLF is bufio.ScanLines, but that a CR stays.
func scanLF(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func parseLine(line string) (Sum, error) {
	escaped := strings.HasPrefix(line, `\`)
	line = strings.TrimPrefix(line, `\`)
	var algorithm, digits, name string
	if open, rest, ok := strings.Cut(line, " ("); ok && algorithms[strings.ToLower(strings.ReplaceAll(open, "-", ""))] != nil {
		i := strings.LastIndex(rest, ") = ")
		if i < 0 {
			return Sum{}, fmt.Errorf("%w: %.200q", ErrSum, line)
		}
		algorithm, name, digits = open, rest[:i], rest[i+len(") = "):]
	} else if digits, name, ok = strings.Cut(line, " "); ok {
		if name == "" || name[0] != ' ' && name[0] != '*' || len(name) == 1 {
			return Sum{}, fmt.Errorf("%w: %.200q", ErrSum, line)
		}
		name = name[1:]
	}
	if escaped {
		var ok bool
		if name, ok = unescape(name); !ok {
			return Sum{}, fmt.Errorf("%w: %.200q", ErrSum, line)
		}
	}
	return newSum(algorithm, strings.TrimRight(digits, " \t"), name)
}

// unescape undoes what coreutils does to backslashes and line ends.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", false
		}
		switch s[i] {
		case '\\':
			b.WriteByte('\\')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		default:
			return "", false
		}
	}
	return b.String(), true
}

// SumsFor picks those of a file out of a list: by the name as it stands there, exactly, but for a "./" in front; a list of one
// without a name is of any file. "dir/name" is not "name". Of several algorithms all are given; two different sums of one are
// ErrAmbiguous.
func SumsFor(list []Sum, name string) ([]Sum, error) {
	if len(list) == 1 && list[0].Name == "" {
		return list, nil
	}
	var found []Sum
	seen := map[string]string{}
	for _, s := range list {
		if s.Name == "" || strings.TrimPrefix(s.Name, "./") != name {
			continue
		}
		switch before, ok := seen[s.Algorithm]; {
		case !ok:
			seen[s.Algorithm] = string(s.Sum)
			found = append(found, s)
		case before != string(s.Sum):
			return nil, fmt.Errorf("%w: %q", ErrAmbiguous, name)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %q", ErrNoSum, name)
	}
	return found, nil
}
