package transfer

// rollover is what follows block 65535. Blocks are counted from 1 with 64 bits; on
// the wire they have 16.
type rollover uint8

// number is block n's on the wire. Block 0 is what ACK 0 is for.
func (r rollover) number(n int64) uint16 {
	if r == 1 && n > 0 {
		return uint16((n-1)%65535 + 1)
	}
	return uint16(n)
}

// ahead is how many blocks the one with that number lies behind block n, counting
// up: 0 to period-1. So for a window below the period, what is ahead by less than
// the window is in it, and all else is old. ok is false for a number that no block
// there has: 0 with rollover to 1.
func (r rollover) ahead(n int64, number uint16) (d int64, ok bool) {
	at := r.number(n)
	switch {
	case r == 0:
		return int64(number - at), true
	case n == 0:
		return int64(number), true
	case number == 0:
		return 0, false
	}
	d = int64(number) - int64(at)
	if d < 0 {
		d += 65535
	}
	return d, true
}
