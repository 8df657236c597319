package auth

import (
	"container/list"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

// nonces makes nonces that carry their own time under a MAC, so that one costs nothing until it is used, and remembers which
// counts of a nonce were used.
type nonces struct {
	secret [32]byte
	ttl    time.Duration
	max    int
	base   time.Time // from which on time is counted, so that a clock that is set back makes nothing older or newer

	mu    sync.Mutex
	uses  map[nonceID]*list.Element
	order list.List // of *nonceUse, the one first used the longest ago first
	// floor is the time up to which a nonce that is not in uses may be one that had to go: it could be a replay, and is stale.
	floor int64
}

type nonceID [16]byte // its time and its random part

// nonceUse is what was used of one nonce: the highest count, and which of the 64 up to it.
type nonceUse struct {
	id     nonceID
	issued int64
	high   uint32
	seen   uint64 // bit i: high-i
}

const nonceSize = 32 // time, random, MAC

func newNonces(ttl time.Duration, size int, now time.Time) *nonces {
	n := &nonces{ttl: ttl, max: size, base: now, uses: map[nonceID]*list.Element{}}
	rand.Read(n.secret[:])
	return n
}

// at is a time in nonces: from 1 on, as 0 is the floor at first.
func (n *nonces) at(now time.Time) int64 { return int64(now.Sub(n.base)) + 1 }

func (n *nonces) mac(text []byte) []byte {
	h := hmac.New(sha256.New, n.secret[:])
	h.Write(text)
	return h.Sum(nil)[:16]
}

// opaque is the same for all challenges of the process.
func (n *nonces) opaque() string { return hex.EncodeToString(n.mac([]byte("opaque"))) }

// issue makes a nonce.
func (n *nonces) issue(now time.Time) string {
	b := make([]byte, 16, nonceSize)
	binary.BigEndian.PutUint64(b, uint64(n.at(now)))
	rand.Read(b[8:])
	return base64.RawURLEncoding.EncodeToString(append(b, n.mac(b)...))
}

// read says whether s is a nonce of ours that has not expired.
func (n *nonces) read(s string, now time.Time) (id nonceID, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != nonceSize || !hmac.Equal(b[16:], n.mac(b[:16])) {
		return id, false
	}
	copy(id[:], b)
	age := n.at(now) - id.issued()
	return id, age >= 0 && age < int64(n.ttl)
}

func (id *nonceID) issued() int64 { return int64(binary.BigEndian.Uint64(id[:8])) }

// use notes that count nc of a nonce is used: ErrReplay if it was already, or may have been; ErrStale if nothing is known of
// the nonce any more. Requests of several connections may come in another order than their counts: by 63 at the most. It is
// called for responses that were right only, so that nobody else can fill the table.
func (n *nonces) use(id nonceID, nc uint32, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.uses[id]
	if e == nil {
		if id.issued() <= n.floor {
			return ErrStale
		}
		n.makeRoom(now)
		n.uses[id] = n.order.PushBack(&nonceUse{id: id, issued: id.issued(), high: nc, seen: 1})
		return nil
	}
	return e.Value.(*nonceUse).use(nc)
}

func (u *nonceUse) use(nc uint32) error {
	if nc > u.high {
		u.seen = u.seen<<min(nc-u.high, 64) | 1 // a shift by 64 leaves 0
		u.high = nc
		return nil
	}
	back := u.high - nc
	if back > 63 || u.seen&(1<<back) != 0 {
		return ErrReplay
	}
	u.seen |= 1 << back
	return nil
}

// makeRoom forgets nonces that have expired, and if need be the oldest one; that one and all as old are stale from then on.
func (n *nonces) makeRoom(now time.Time) {
	for e := n.order.Front(); e != nil; e = n.order.Front() {
		u := e.Value.(*nonceUse)
		if expired := n.at(now)-u.issued >= int64(n.ttl); !expired {
			if len(n.uses) < n.max {
				return
			}
			n.floor = max(n.floor, u.issued)
		}
		n.order.Remove(e)
		delete(n.uses, u.id)
	}
}
