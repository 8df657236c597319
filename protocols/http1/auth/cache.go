package auth

import (
	"container/list"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// cache knows credentials that were good a short time ago, by a keyed hash: neither a dump of the memory nor a lucky
// collision gives a password away or lets one in.
type cache struct {
	secret [32]byte
	ttl    time.Duration
	max    int

	mu    sync.Mutex
	byKey map[cacheKey]*list.Element
	order list.List // the oldest first
}

type cacheKey [sha256.Size]byte

type cached struct {
	key  cacheKey
	data any
	end  time.Time
}

func newCache(size int, ttl time.Duration) *cache {
	c := &cache{ttl: ttl, max: size, byKey: map[cacheKey]*list.Element{}}
	rand.Read(c.secret[:])
	return c
}

// key is HMAC-SHA-256 of user and password, of which the length of the first keeps ("ab", "c") and ("a", "bc") apart.
func (c *cache) key(user, password string) (k cacheKey) {
	h := hmac.New(sha256.New, c.secret[:])
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(user)))
	h.Write(n[:])
	h.Write([]byte(user))
	h.Write([]byte(password))
	h.Sum(k[:0])
	return k
}

func (c *cache) get(k cacheKey, now time.Time) (data any, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[k]
	if e == nil {
		return nil, false
	}
	v := e.Value.(*cached)
	if !now.Before(v.end) {
		c.remove(e)
		return nil, false
	}
	return v.data, true
}

// put keeps k from now on for the time that was set; a good use of it does not extend that.
func (c *cache) put(k cacheKey, data any, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[k]; e != nil {
		c.remove(e)
	}
	for e := c.order.Front(); e != nil && (len(c.byKey) >= c.max || !now.Before(e.Value.(*cached).end)); e = c.order.Front() {
		c.remove(e)
	}
	c.byKey[k] = c.order.PushBack(&cached{k, data, now.Add(c.ttl)})
}

func (c *cache) remove(e *list.Element) {
	c.order.Remove(e)
	delete(c.byKey, e.Value.(*cached).key)
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byKey)
	c.order.Init()
}
