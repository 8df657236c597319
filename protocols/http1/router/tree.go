package router

import (
	"bytes"
	"strings"
)

// node is a node of a radix tree over the bytes of paths. The path from the root to it is literal, but for whole segments that
// anything may stand for.
//
// Literals are in a normal form, in which only '%' and '/' are encoded; a path is brought into that form first, which most are
// in already. So bytes can be compared, and an encoded slash is no separator.
type node struct {
	prefix string
	first  string // the first byte of each child's prefix
	next   []*node
	jump   *[256]uint8 // of a node with many children: 1 + the index of the one that begins so
	leaf   *route      // the path ends here
	wild   *node       // behind a slash: any segment
	multi  *route      // behind a slash: the rest
}

// manyChildren is from when on a node has a table of them.
const manyChildren = 4

// inline is how many wildcards of a path are noted while it is looked up. Those behind are found again when asked for.
const inline = 4

// span is a wildcard's part of a path, as the numbers of bytes from its begin and from its end to the end of the path.
type span struct{ from, to uint16 }

// longPath is from where on the numbers of a span are too large.
const longPath = 1 << 16

// spans are the wildcards that a look-up passed.
type spans struct {
	at [inline]span
	// odd: some segment is empty or begins with a dot, so that the path may not be clean.
	odd bool
}

// find gives the route for path, of which the node's prefix is taken off already; k wildcards stand before. Literals come
// first, then one segment, then the rest: any pattern that was reached by an earlier choice is more specific, since
// conflicting ones are refused. Each node is looked at once at most.
func (n *node) find(path []byte, s *spans, k int) *route {
	for len(path) > 0 {
		if c := n.child(path[0]); c != nil && c.begins(path) {
			below := path[len(c.prefix):]
			if n.wild == nil && n.multi == nil {
				n, path = c, below
				continue
			}
			if r := c.find(below, s, k); r != nil {
				return r
			}
		}
		if n.wild == nil {
			return n.rest(path, s, k)
		}
		i := bytes.IndexByte(path, '/')
		if i < 0 {
			i = len(path)
		}
		if i == 0 || path[0] == '.' {
			s.odd = true
		}
		if k < inline {
			s.at[k] = span{uint16(len(path)), uint16(len(path) - i)}
		}
		if n.multi != nil {
			if r := n.wild.find(path[i:], s, k+1); r != nil {
				return r
			}
			return n.rest(path, s, k)
		}
		n, path = n.wild, path[i:]
		k++
	}
	if n.leaf != nil {
		return n.leaf
	}
	return n.rest(path, s, k)
}

// rest takes all of path.
func (n *node) rest(path []byte, s *spans, k int) *route {
	if n.multi != nil && k < inline {
		s.at[k] = span{uint16(len(path)), 0}
	}
	return n.multi
}

// begins says whether path, whose first byte is the prefix's, begins with all of it.
func (n *node) begins(path []byte) bool {
	k := len(n.prefix)
	return k == 1 || k <= len(path) && string(path[:k]) == n.prefix
}

func (n *node) child(c byte) *node {
	if n.jump != nil {
		if i := n.jump[c]; i > 0 {
			return n.next[i-1]
		}
		return nil
	}
	for i := range len(n.first) {
		if n.first[i] == c {
			return n.next[i]
		}
	}
	return nil
}

// add puts r under the segments of a pattern, behind n.
func (n *node) add(segs []segment, r *route) {
	var text []byte
	for ; len(segs) > 0; segs = segs[1:] {
		text = append(text, '/')
		if segs[0].kind == wild || segs[0].kind == multi {
			break
		}
		if segs[0].kind == literal {
			text = appendEncoded(text, segs[0].text)
		}
	}
	n = n.behind(string(text))
	switch {
	case len(segs) == 0:
		n.leaf = r
	case segs[0].kind == multi:
		n.multi = r
	default:
		if n.wild == nil {
			n.wild = &node{}
		}
		n.wild.add(segs[1:], r)
	}
}

// behind gives the node that stands behind the literal text, made if need be.
func (n *node) behind(text string) *node {
	for text != "" {
		i := strings.IndexByte(n.first, text[0])
		if i < 0 {
			fresh := &node{prefix: text}
			n.first += text[:1]
			n.next = append(n.next, fresh)
			if len(n.next) == manyChildren {
				n.jump = &[256]uint8{}
			}
			if n.jump != nil {
				for i := range n.next {
					n.jump[n.first[i]] = uint8(i + 1)
				}
			}
			return fresh
		}
		c := n.next[i]
		same := 0
		for same < len(text) && same < len(c.prefix) && text[same] == c.prefix[same] {
			same++
		}
		if same < len(c.prefix) {
			tail := *c
			tail.prefix = c.prefix[same:]
			*c = node{prefix: c.prefix[:same], first: tail.prefix[:1], next: []*node{&tail}}
		}
		n, text = c, text[same:]
	}
	return n
}
