package guard

import (
	"hash/maphash"
	"sync"
)

// table is a bounded map from clients to values, in shards. Slots are numbered, not pointed to, so that the garbage collector
// has nothing to look at in a table of 100,000. Each slot is in one of two lists, the most recently moved one first: what is
// in the first goes before what is in the second when there is no room.
type table[V any] struct {
	seed   maphash.Seed
	shards []shard[V]
}

type shard[V any] struct {
	mu      sync.Mutex
	index   map[key]int32
	slots   []slot[V]
	free    []int32
	lists   [2]ends
	max     int
	evicted uint64
	counts  [2]uint64 // the user's
	_       [64]byte  // the next shard's lock is on another cache line
}

type slot[V any] struct {
	key        key
	value      V
	prev, next int32
	list       uint8
}

type ends struct {
	first, last int32
	n           int
}

const (
	none      = int32(-1)
	maxShards = 16
	// minShard is the smallest shard: below it, chance would make them unequally full.
	minShard = 512
)

func newTable[V any](size int) *table[V] {
	n := 1
	for n < maxShards && size/(2*n) >= minShard {
		n *= 2
	}
	t := &table[V]{seed: maphash.MakeSeed(), shards: make([]shard[V], n)}
	for i := range t.shards {
		t.shards[i] = shard[V]{index: map[key]int32{}, max: max((size+i)/n, 1)}
		t.shards[i].lists = [2]ends{{none, none, 0}, {none, none, 0}}
	}
	return t
}

// lock gives the shard of k, locked.
func (t *table[V]) lock(k key) *shard[V] {
	s := &t.shards[0]
	if len(t.shards) > 1 {
		s = &t.shards[maphash.Comparable(t.seed, k)&uint64(len(t.shards)-1)]
	}
	s.mu.Lock()
	return s
}

// len is how many clients the table holds, and how many had to go for others.
func (t *table[V]) len() (n, second int, evicted uint64) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.index)
		second += s.lists[1].n
		evicted += s.evicted
		s.mu.Unlock()
	}
	return n, second, evicted
}

// counts adds the shards' counters up.
func (t *table[V]) counts() (sum [2]uint64) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		sum[0] += s.counts[0]
		sum[1] += s.counts[1]
		s.mu.Unlock()
	}
	return sum
}

// find is the slot of k, or none.
func (s *shard[V]) find(k key) int32 {
	if i, ok := s.index[k]; ok {
		return i
	}
	return none
}

// add gives k, which is not there, a slot in the first list. lost is the list of the one that had to go for it, or -1.
func (s *shard[V]) add(k key) (i int32, lost int) {
	lost = -1
	if len(s.index) >= s.max {
		if lost = 0; s.lists[0].n == 0 {
			lost = 1
		}
		s.remove(s.lists[lost].last)
		s.evicted++
	}
	if n := len(s.free); n > 0 {
		i, s.free = s.free[n-1], s.free[:n-1]
	} else {
		i = int32(len(s.slots))
		s.slots = append(s.slots, slot[V]{})
	}
	s.slots[i] = slot[V]{key: k}
	s.index[k] = i
	s.link(i, 0)
	return i, lost
}

func (s *shard[V]) remove(i int32) {
	s.unlink(i)
	delete(s.index, s.slots[i].key)
	s.slots[i] = slot[V]{}
	s.free = append(s.free, i)
}

// move puts a slot at the beginning of a list.
func (s *shard[V]) move(i int32, list uint8) {
	if s.slots[i].list == list && s.lists[list].first == i {
		return
	}
	s.unlink(i)
	s.link(i, list)
}

func (s *shard[V]) link(i int32, list uint8) {
	l, e := &s.lists[list], &s.slots[i]
	e.list, e.prev, e.next = list, none, l.first
	if l.first != none {
		s.slots[l.first].prev = i
	} else {
		l.last = i
	}
	l.first = i
	l.n++
}

func (s *shard[V]) unlink(i int32) {
	e := &s.slots[i]
	l := &s.lists[e.list]
	if e.prev != none {
		s.slots[e.prev].next = e.next
	} else {
		l.first = e.next
	}
	if e.next != none {
		s.slots[e.next].prev = e.prev
	} else {
		l.last = e.prev
	}
	l.n--
}
