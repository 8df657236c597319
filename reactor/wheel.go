package reactor

import (
	"math/bits"
	"time"
)

// A loop's timers: a hierarchical timing wheel of six levels of 64 slots. One tick is wheelTick, so a timer is never early
// and at most a tick late. Adding, stopping and finding the next expiry take constant time; the wheel itself is 3 KiB.
const (
	wheelTick   = 4 * time.Millisecond
	wheelLevels = 6
	wheelBits   = 6
	wheelSlots  = 1 << wheelBits
	// wheelMax is the longest delay in ticks: over eight years; longer ones are cut to it.
	wheelMax = 1<<(wheelBits*wheelLevels) - 1
)

// Timer calls a function on the loop of a connection or an endpoint. Its methods belong to the loop. It dies with what it
// was made for.
type Timer struct {
	next, prev   *Timer // in the slot, circular through the slot's sentinel
	cnext, cprev *Timer // of the same connection or endpoint
	owner        timerOwner
	f            func()
	when         uint64 // tick
	slot         int16  // level<<6 | slot, or -1
}

// timerOwner is what a Timer was made for: a Conn, an Endpoint or an acceptor.
type timerOwner interface {
	timerLoop() *loop
	timerList() **Timer // where its running timers begin; nil if nobody ends them
	ended() bool        // no timer starts any more
	turn(f func())      // runs f as one of its hooks
}

type wheel struct {
	now      uint64 // the last tick that was processed
	occupied [wheelLevels]uint64
	slots    [wheelLevels * wheelSlots]*Timer
	armed    int
}

// ticksUp rounds up: never early.
func ticksUp(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	return uint64((d + wheelTick - 1) / wheelTick)
}

// add puts t, which is in no slot, at tick when; one that has passed becomes the next.
func (w *wheel) add(t *Timer, when uint64) {
	when = min(max(when, w.now+1), w.now+wheelMax)
	t.when = when
	// The level is that of the highest bit in which when differs from now.
	level := (63 - bits.LeadingZeros64((w.now^when)|(wheelSlots-1))) / wheelBits
	level = min(level, wheelLevels-1)
	s := int(when>>(wheelBits*level)) & (wheelSlots - 1)
	w.link(t, level<<wheelBits|s)
	w.armed++
}

func (w *wheel) link(t *Timer, slot int) {
	t.slot = int16(slot)
	t.prev = nil
	if t.next = w.slots[slot]; t.next != nil {
		t.next.prev = t
	}
	w.slots[slot] = t
	w.occupied[slot>>wheelBits] |= 1 << (slot & (wheelSlots - 1))
}

// remove takes t out of its slot.
func (w *wheel) remove(t *Timer) {
	slot := int(t.slot)
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		w.slots[slot] = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	if w.slots[slot] == nil {
		w.occupied[slot>>wheelBits] &^= 1 << (slot & (wheelSlots - 1))
	}
	t.next, t.prev, t.slot = nil, nil, -1
	w.armed--
}

// next is the first occupied slot and the tick at which it has to be looked at; ok is false for an empty wheel. For a
// level above the lowest that is the slot's start, when its timers move down.
func (w *wheel) next() (slot int, at uint64, ok bool) {
	for level := range wheelLevels {
		occ := w.occupied[level]
		if occ == 0 {
			continue
		}
		shift := uint(wheelBits * level)
		cur := int(w.now>>shift) & (wheelSlots - 1)
		s := (bits.TrailingZeros64(bits.RotateLeft64(occ, -cur)) + cur) & (wheelSlots - 1)
		span := uint64(1) << (shift + wheelBits)
		at = w.now&^(span-1) + uint64(s)<<shift
		if at <= w.now { // only the top level wraps round
			at += span
		}
		return level<<wheelBits | s, at, true
	}
	return 0, 0, false
}

// advance moves the wheel to tick now and calls fire for every timer that has expired, each already out of the wheel.
func (w *wheel) advance(now uint64, fire func(*Timer)) {
	for {
		slot, at, ok := w.next()
		if !ok || at > now {
			w.now = max(w.now, now)
			return
		}
		w.now = at
		for t := w.slots[slot]; t != nil; t = w.slots[slot] {
			w.remove(t)
			if t.when <= at {
				fire(t)
			} else {
				w.add(t, t.when)
			}
		}
	}
}
