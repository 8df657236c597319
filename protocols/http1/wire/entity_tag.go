package wire

// ValidEntityTag reports whether s is an entity tag (RFC 9110 8.8.3): "x" or, weak,
// W/"x".
func ValidEntityTag(s string) bool { return entityTag(s) == len(s) && s != "" }

// StrongMatch is the strong comparison of two entity tags (RFC 9110 8.8.3.2): equal,
// and neither weak. What is no entity tag matches nothing.
func StrongMatch(a, b string) bool { return a == b && len(a) > 0 && a[0] == '"' && ValidEntityTag(a) }

// WeakMatch is the weak comparison of two entity tags (RFC 9110 8.8.3.2): equal, but
// for being weak. What is no entity tag matches nothing.
func WeakMatch(a, b string) bool {
	a, b = opaque(a), opaque(b)
	return a == b && ValidEntityTag(a)
}

// WeakTag is the entity tag as a weak one: what a representation has that is not the
// same in every byte, such as a compressed one (RFC 9110 8.8.1). What is weak, or no
// entity tag, comes back as it is.
func WeakTag(tag string) string {
	if len(tag) > 0 && tag[0] == '"' && ValidEntityTag(tag) {
		return "W/" + tag
	}
	return tag
}

func opaque(tag string) string {
	if len(tag) > 2 && tag[0] == 'W' && tag[1] == '/' {
		return tag[2:]
	}
	return tag
}

// entityTag is the length of the entity tag that s begins with, or 0. There are no
// escapes in it: a backslash stands for itself.
func entityTag(s string) int {
	i := 0
	if len(s) > 2 && s[0] == 'W' && s[1] == '/' {
		i = 2
	}
	if i == len(s) || s[i] != '"' {
		return 0
	}
	for i++; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c <= ' ' || c == 0x7f:
			return 0
		}
	}
	return 0
}

// matchAny reports whether match holds for an element of a list of entity tags and
// tag, and whether an element is "*". What is neither is passed over.
func matchAny(list, tag string, match func(a, b string) bool) (matched, star bool) {
	for {
		for list != "" && (isOWS(list[0]) || list[0] == ',') {
			list = list[1:]
		}
		if list == "" {
			return matched, star
		}
		n := entityTag(list)
		rest := n
		for rest < len(list) && list[rest] != ',' {
			if !isOWS(list[rest]) {
				n = 0 // something follows it
			}
			rest++
		}
		switch {
		case n > 0:
			matched = matched || match(list[:n], tag)
		case list[0] == '*' && len(trimOWS([]byte(list[:rest]))) == 1:
			star = true
		}
		list = list[rest:]
	}
}
