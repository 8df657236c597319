// Package pairing matches the two halves of RTSP tunnels by their cookies. It is pure: no I/O, no clock but what it is told.
package pairing

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// Why a half is refused.
var (
	ErrCookie        = errors.New("rtsphttp: x-sessioncookie is empty, too long, or has bytes that are not visible")
	ErrDuplicateGet  = errors.New("rtsphttp: the session has a GET already")
	ErrDuplicatePost = errors.New("rtsphttp: the session has a POST already")
	ErrSameConn      = errors.New("rtsphttp: GET and POST are of one connection")
	ErrSpent         = errors.New("rtsphttp: the cookie was used before")
	ErrPending       = errors.New("rtsphttp: too many halves wait for their other one")
	ErrPendingIP     = errors.New("rtsphttp: too many halves of this address wait for their other one")
	ErrSessions      = errors.New("rtsphttp: too many sessions")
)

// MaxCookie bounds a cookie, in bytes. Those that are seen have 16 to 35.
const MaxCookie = 128

// Limits bound a Table. Each must be above zero.
type Limits struct {
	Pending      int           // halves that wait, in all
	PendingPerIP int           // of one address
	Sessions     int           // tunnels that have a GET
	Deadline     time.Duration // how long a half waits
	Spent        int           // cookies that are remembered after their tunnel has ended
}

// Half is who brings a half.
type Half struct {
	Cookie string
	From   netip.Prefix // what both halves must have in common
	User   string       // the same
	IP     netip.Addr   // for PendingPerIP
	Conn   uint64       // the connection; two halves are of two
}

type digest [sha256.Size]byte

// Table has the tunnels that wait for a half, or are open. P is what stands for a POST, G for a GET. Its methods are safe from any
// goroutine.
//
// A tunnel is found by a keyed digest of cookie, address and user together: so the same cookie of another address or user is
// another tunnel, which neither meets nor disturbs the first, and how long a look-up takes tells nothing about cookies.
type Table[G, P comparable] struct {
	limits Limits
	key    [32]byte

	mu       sync.Mutex
	all      map[digest]*Tunnel[G, P]
	perIP    map[netip.Addr]int
	pending  int
	sessions int
	spent    map[digest]struct{}
	ring     []digest // of spent, the oldest at next once it is full
	next     int
}

// Tunnel is one entry. Its fields belong to the table.
type Tunnel[G, P comparable] struct {
	id       digest
	ip       netip.Addr
	deadline time.Time // of the half that waits
	get      G
	getConn  uint64
	post     P
	postConn uint64
	waiting  P // another POST, for when post goes
	waitConn uint64
	hasGet   bool
	hasPost  bool
	hasNext  bool
	paired   bool
	ended    bool
}

// New makes a Table.
func New[G, P comparable](l Limits) *Table[G, P] {
	t := &Table[G, P]{
		limits: l, all: map[digest]*Tunnel[G, P]{}, perIP: map[netip.Addr]int{}, spent: map[digest]struct{}{},
	}
	rand.Read(t.key[:])
	return t
}

func (t *Table[G, P]) digest(h Half) (d digest, err error) {
	if len(h.Cookie) == 0 || len(h.Cookie) > MaxCookie {
		return d, ErrCookie
	}
	for i := range len(h.Cookie) {
		if c := h.Cookie[i]; c <= ' ' || c >= 0x7f {
			return d, ErrCookie
		}
	}
	b := append(make([]byte, 0, 256), t.key[:]...)
	b = append(append(b, h.Cookie...), 0)
	b, _ = h.From.AppendBinary(b)
	b = append(append(b, 0), h.User...)
	return sha256.Sum256(b), nil
}

// find gives the tunnel of a digest, if its deadline has not passed.
func (t *Table[G, P]) find(d digest, now time.Time) *Tunnel[G, P] {
	e := t.all[d]
	if e == nil || subtle.ConstantTimeCompare(e.id[:], d[:]) == 0 || !e.paired && !now.Before(e.deadline) {
		return nil
	}
	return e
}

// Get brings a GET. Its tunnel has it from now on; post is the POST that waits for it, if paired.
func (t *Table[G, P]) Get(now time.Time, h Half, g G) (e *Tunnel[G, P], post P, paired bool, err error) {
	d, err := t.digest(h)
	if err != nil {
		return nil, post, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e = t.find(d, now)
	switch {
	case e != nil && e.hasGet:
		return nil, post, false, ErrDuplicateGet
	case e != nil && e.postConn == h.Conn:
		return nil, post, false, ErrSameConn
	case t.sessions >= t.limits.Sessions:
		return nil, post, false, ErrSessions
	case e == nil:
		if e, err = t.add(now, d, h); err != nil {
			return nil, post, false, err
		}
	}
	e.get, e.getConn, e.hasGet = g, h.Conn, true
	t.sessions++
	if e.hasPost {
		t.pair(e)
	}
	return e, e.post, e.paired, nil
}

// Verdict is what becomes of a POST.
type Verdict uint8

const (
	// Waits: for the GET.
	Waits Verdict = iota
	// Attached: it is the tunnel's POST.
	Attached
	// Queued: it will be, should the one before it end within the time that the caller gives it; else Withdraw it.
	Queued
)

// Post brings a POST. get is the tunnel's GET unless it Waits.
func (t *Table[G, P]) Post(now time.Time, h Half, p P) (e *Tunnel[G, P], get G, v Verdict, err error) {
	d, err := t.digest(h)
	if err != nil {
		return nil, get, Waits, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e = t.find(d, now)
	switch {
	case e == nil:
		if e, err = t.add(now, d, h); err != nil {
			return nil, get, Waits, err
		}
		e.post, e.postConn, e.hasPost = p, h.Conn, true
		return e, get, Waits, nil
	case e.hasGet && e.getConn == h.Conn:
		return nil, get, Waits, ErrSameConn
	case !e.hasPost:
		e.post, e.postConn, e.hasPost = p, h.Conn, true
		t.pair(e)
		return e, e.get, Attached, nil
	case !e.hasGet || e.hasNext:
		return nil, get, Waits, ErrDuplicatePost
	}
	e.waiting, e.waitConn, e.hasNext = p, h.Conn, true
	return e, e.get, Queued, nil
}

// add makes a tunnel for its first half.
func (t *Table[G, P]) add(now time.Time, d digest, h Half) (*Tunnel[G, P], error) {
	if _, used := t.spent[d]; used {
		return nil, ErrSpent
	}
	if old := t.all[d]; old != nil { // its deadline has passed, and its owner has not said so yet
		return nil, ErrSpent
	}
	switch {
	case t.pending >= t.limits.Pending:
		return nil, ErrPending
	case t.perIP[h.IP] >= t.limits.PendingPerIP:
		return nil, ErrPendingIP
	}
	e := &Tunnel[G, P]{id: d, ip: h.IP, deadline: now.Add(t.limits.Deadline)}
	t.all[d] = e
	t.pending++
	t.perIP[h.IP]++
	return e, nil
}

// pair says that both halves are there.
func (t *Table[G, P]) pair(e *Tunnel[G, P]) {
	if !e.paired {
		e.paired = true
		t.waitsNoMore(e)
	}
}

func (t *Table[G, P]) waitsNoMore(e *Tunnel[G, P]) {
	t.pending--
	if t.perIP[e.ip]--; t.perIP[e.ip] == 0 {
		delete(t.perIP, e.ip)
	}
}

// PostGone says that a POST has ended, whichever it is. next takes its place, if one waited; gone is false if p was not the one that
// the tunnel used, or the tunnel has ended. Without a GET the tunnel ends with its POST, and get is the zero value.
func (t *Table[G, P]) PostGone(e *Tunnel[G, P], p P) (get G, next P, promoted, gone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var none P
	switch {
	case e.ended:
	case e.hasNext && e.waiting == p:
		e.waiting, e.hasNext = none, false
	case e.hasPost && e.post == p:
		e.post, e.postConn, e.hasPost = e.waiting, e.waitConn, e.hasNext
		get, next, promoted, gone = e.get, e.waiting, e.hasNext, true
		e.waiting, e.hasNext = none, false
		if !e.hasGet {
			t.remove(e, true)
		}
	}
	return get, next, promoted, gone
}

// Withdraw takes back a POST that is queued; false if it is not any more.
func (t *Table[G, P]) Withdraw(e *Tunnel[G, P], p P) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	var none P
	if e.ended || !e.hasNext || e.waiting != p {
		return false
	}
	e.waiting, e.hasNext = none, false
	return true
}

// Expire ends a tunnel that has waited for its other half until now; false if it does not wait any more.
func (t *Table[G, P]) Expire(e *Tunnel[G, P]) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.ended || e.paired {
		return false
	}
	t.remove(e, true)
	return true
}

// End ends a tunnel and gives back its POSTs, to be closed. Its cookie will not be taken again, unless again is set: the GET
// was refused, and its client may try once more.
func (t *Table[G, P]) End(e *Tunnel[G, P], again bool) (posts []P) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.ended {
		return nil
	}
	if e.hasPost {
		posts = append(posts, e.post)
	}
	if e.hasNext {
		posts = append(posts, e.waiting)
	}
	t.remove(e, !again)
	return posts
}

func (t *Table[G, P]) remove(e *Tunnel[G, P], spend bool) {
	e.ended = true
	delete(t.all, e.id)
	if !e.paired {
		t.waitsNoMore(e)
	}
	if e.hasGet {
		t.sessions--
	}
	if spend {
		t.spend(e.id)
	}
}

func (t *Table[G, P]) spend(d digest) {
	if len(t.ring) < t.limits.Spent {
		t.ring = append(t.ring, d)
	} else {
		delete(t.spent, t.ring[t.next])
		t.ring[t.next] = d
		t.next = (t.next + 1) % len(t.ring)
	}
	t.spent[d] = struct{}{}
}

// Counts are the tunnels that wait for a half, and those that have a GET.
func (t *Table[G, P]) Counts() (pending, sessions int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pending, t.sessions
}
