package download

import (
	"strconv"
	"strings"
)

// parseContentRange reads "bytes first-last/total" (RFC 9110 section 14.4); total is negative for "*". There must be one such value.
func parseContentRange(values []string) (first, last, total int64, ok bool) {
	if len(values) != 1 {
		return 0, 0, 0, false
	}
	unit, v, _ := strings.Cut(values[0], " ")
	of, size, cut := strings.Cut(v, "/")
	from, to, dash := strings.Cut(of, "-")
	if !strings.EqualFold(unit, "bytes") || !cut || !dash {
		return 0, 0, 0, false
	}
	first, ok1 := parseLength(from)
	last, ok2 := parseLength(to)
	total, ok3 := parseLength(size)
	if size == "*" {
		total, ok3 = -1, true
	}
	if !ok1 || !ok2 || !ok3 || last < first || total >= 0 && last >= total {
		return 0, 0, 0, false
	}
	return first, last, total, true
}

// parseLength reads digits, and nothing else.
func parseLength(s string) (int64, bool) {
	if s == "" || strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' }) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
