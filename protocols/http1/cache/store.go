package cache

import (
	"container/list"
	"net/http"
	"sync"
	"time"
)

// entry is a stored response. It does not change: an update takes its place with another one that shares the body.
type entry struct {
	key    string
	status int
	header http.Header
	body   [][]byte
	length int64 // of body
	cost   int64 // what it counts in store.bytes
	vary   variance
	cc     directives
	clock  clock
	life   time.Duration

	uncompressed bool
	proto        string
	major, minor int
}

// overhead is what an entry costs beside its strings: maps, list element, and slices.
const overhead = 1 << 10

// headCost is the memory of an entry without its body, roughly.
func headCost(key string, h http.Header, v variance) int64 {
	n := int64(overhead + len(key))
	for name, values := range h {
		n += int64(len(name)) + 64
		for _, v := range values {
			n += int64(len(v)) + 16
		}
	}
	for _, f := range v {
		n += int64(len(f.name)) + 48
	}
	return n
}

// store holds entries by key, each key's variants together, and all in the order of their use.
type store struct {
	maxBytes    int64
	maxEntries  int
	maxVariants int

	mu     sync.Mutex
	byKey  map[string][]*list.Element // the one used last behind
	order  list.List                  // of *entry, the one used last in front
	bytes  int64                      // of entries, and reserved for those that are being read
	asked  map[*fetch]struct{}
	stats  Stats
	beside map[*entry]struct{} // being validated beside
	work   sync.WaitGroup      // of these
	closed bool
}

// fetch is a request whose answer may be stored.
type fetch struct {
	key      string
	outdated bool // under store.mu: invalidated since
}

// begin is called before the request is sent, so that nothing is stored that an unsafe request has made wrong meanwhile.
func (s *store) begin(key string) *fetch {
	ft := &fetch{key: key}
	s.mu.Lock()
	s.asked[ft] = struct{}{}
	s.mu.Unlock()
	return ft
}

// drop ends a fetch of which nothing is stored, and gives back what it had reserved.
func (s *store) drop(ft *fetch, reserved int64) {
	s.mu.Lock()
	delete(s.asked, ft)
	s.bytes -= reserved
	s.mu.Unlock()
}

// find gives the stored response that a request selects: of those that match the one with the latest date (RFC 9111 section 4.1).
// any: there are others under its key.
func (s *store) find(key string, req http.Header) (found *entry, any bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	variants, at := s.byKey[key], 0
	for i, el := range variants {
		e := el.Value.(*entry)
		if e.vary.matches(req) && (found == nil || e.clock.date.After(found.clock.date)) {
			found, at = e, i
		}
	}
	if found != nil {
		el := variants[at]
		s.order.MoveToFront(el)
		copy(variants[at:], variants[at+1:])
		variants[len(variants)-1] = el
	}
	return found, len(variants) > 0
}

// put ends a fetch: it stores the entry in place of those that its request selects as well. What was reserved is given back if it
// is not stored.
func (s *store) put(ft *fetch, e *entry, req http.Header, reserved int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.asked, ft)
	if s.closed || ft.outdated {
		s.bytes -= reserved
		return
	}
	for _, el := range append([]*list.Element(nil), s.byKey[e.key]...) {
		if el.Value.(*entry).vary.matches(req) {
			s.removeLocked(el)
		}
	}
	if !s.reserveLocked(e.cost - reserved) {
		s.bytes -= reserved
		return
	}
	for s.maxEntries >= 0 && s.order.Len() >= max(s.maxEntries, 1) {
		s.evictLocked(s.order.Back())
	}
	for s.maxVariants >= 0 && len(s.byKey[e.key]) >= max(s.maxVariants, 1) {
		s.evictLocked(s.byKey[e.key][0])
	}
	s.byKey[e.key] = append(s.byKey[e.key], s.order.PushFront(e))
	s.stats.Stored++
}

// replace puts an updated entry in the place of the old one, if that is still there.
func (s *store) replace(old, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, el := range s.byKey[old.key] {
		if el.Value.(*entry) == old {
			s.bytes += e.cost - old.cost
			el.Value = e
			s.order.MoveToFront(el)
			if !s.reserveLocked(0) { // its new head is too much
				s.removeLocked(el)
			}
			return
		}
	}
}

// remove takes an entry out, if it is still there.
func (s *store) remove(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, el := range s.byKey[e.key] {
		if el.Value.(*entry) == e {
			s.removeLocked(el)
			return
		}
	}
}

// invalidate takes all of a key out, and has nothing of it stored that was asked for before (RFC 9111 section 4.4).
func (s *store) invalidate(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, el := range append([]*list.Element(nil), s.byKey[key]...) {
		s.removeLocked(el)
		s.stats.Invalidated++
	}
	for ft := range s.asked {
		ft.outdated = ft.outdated || ft.key == key
	}
}

// reserve makes room for n bytes more, at the cost of what was used longest ago.
func (s *store) reserve(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reserveLocked(n)
}

func (s *store) reserveLocked(n int64) bool {
	for s.maxBytes >= 0 && s.bytes+n > s.maxBytes {
		last := s.order.Back()
		if last == nil {
			return false
		}
		s.evictLocked(last)
	}
	s.bytes += n
	return true
}

func (s *store) evictLocked(el *list.Element) {
	s.removeLocked(el)
	s.stats.Evicted++
}

func (s *store) removeLocked(el *list.Element) {
	e := s.order.Remove(el).(*entry)
	s.bytes -= e.cost
	variants := s.byKey[e.key]
	for i := range variants {
		if variants[i] == el {
			variants = append(variants[:i:i], variants[i+1:]...)
			break
		}
	}
	if len(variants) == 0 {
		delete(s.byKey, e.key)
		return
	}
	s.byKey[e.key] = variants
}

func (s *store) count(f func(*Stats)) {
	s.mu.Lock()
	f(&s.stats)
	s.mu.Unlock()
}

// claim has an entry validated beside, unless it is already, or too many are.
func (s *store) claim(e *entry, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.beside[e]; taken || s.closed || len(s.beside) >= limit {
		return false
	}
	s.beside[e] = struct{}{}
	s.work.Add(1)
	return true
}

func (s *store) unclaim(e *entry) {
	s.mu.Lock()
	delete(s.beside, e)
	s.mu.Unlock()
	s.work.Done()
}

func (s *store) clear() {
	s.byKey = map[string][]*list.Element{}
	s.asked = map[*fetch]struct{}{}
	s.beside = map[*entry]struct{}{}
}

// purge takes all out, and has nothing stored that was asked for before.
func (s *store) purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.order.Len() > 0 {
		s.removeLocked(s.order.Back())
	}
	for ft := range s.asked {
		ft.outdated = true
	}
}
