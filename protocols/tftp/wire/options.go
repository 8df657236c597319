package wire

import (
	"bytes"
	"iter"
	"math"
)

// Option is one of the options that this package knows.
type Option uint8

// The options.
const (
	OptBlockSize    Option = iota // blksize, bytes: 8 to 65464 (RFC 2348)
	OptTransferSize               // tsize, bytes: 0 and up (RFC 2349)
	OptTimeout                    // timeout, seconds: 1 to 255 (RFC 2349)
	OptWindowSize                 // windowsize, blocks: 1 to 65535 (RFC 7440)
	OptRollover                   // rollover, the number after block 65535: 0 or 1 (tftp-hpa)
	numOptions
)

var optionRules = [numOptions]struct {
	name     string
	min, max int64
}{
	OptBlockSize:    {"blksize", MinBlockSize, MaxBlockSize},
	OptTransferSize: {"tsize", 0, math.MaxInt64},
	OptTimeout:      {"timeout", 1, 255},
	OptWindowSize:   {"windowsize", 1, math.MaxUint16},
	OptRollover:     {"rollover", 0, 1},
}

// String is the option's name as its RFC spells it.
func (o Option) String() string {
	if o < numOptions {
		return optionRules[o].name
	}
	return "unknown"
}

// Range returns the least and the largest value.
func (o Option) Range() (least, most int64) {
	if o < numOptions {
		return optionRules[o].min, optionRules[o].max
	}
	return 0, -1
}

// Valid reports whether v is in the option's range.
func (o Option) Valid(v int64) bool {
	least, most := o.Range()
	return least <= v && v <= most
}

// LookupOption finds the option with that name, in any case (RFC 2347 2).
func LookupOption(name []byte) (Option, bool) {
	for o := range numOptions {
		if equalFold(name, optionRules[o].name) {
			return o, true
		}
	}
	return 0, false
}

// Options are the options of a request or an OACK as they were sent: names and
// values, each with its NUL. [Parse] has checked that they are whole, and that none
// of the known ones is there twice.
type Options []byte

// All yields name and value of each option in the order sent, in the sender's
// spelling. The slices alias the datagram.
func (o Options) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for b := []byte(o); len(b) > 0; {
			var name, value []byte
			name, b, _ = bytes.Cut(b, nul)
			value, b, _ = bytes.Cut(b, nul)
			if !yield(name, value) {
				return
			}
		}
	}
}

// Len is how many options there are, known or not.
func (o Options) Len() int { return bytes.Count(o, nul) / 2 }

// Get finds a known option: its number, and its name in the sender's spelling. It
// is not there, ok is false, also if the value is not a decimal number. A number
// that is out of range is returned as it is, at most 2^63-1; see [Option.Valid].
func (o Options) Get(want Option) (value int64, name []byte, ok bool) {
	for n, v := range o.All() {
		if known, is := LookupOption(n); is && known == want {
			value, ok = parseNumber(v)
			return value, n, ok
		}
	}
	return 0, nil, false
}

// parseNumber reads digits, and nothing but digits. It stops at 2^63-1.
func parseNumber(b []byte) (int64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if d := int64(c - '0'); n > (math.MaxInt64-d)/10 {
			n = math.MaxInt64
		} else {
			n = n*10 + d
		}
	}
	return n, true
}

// parseOptions checks the options of a packet and cuts off the NULs behind them.
func parseOptions(b []byte) (Options, *Error) {
	var seen [numOptions]bool
	rest := b
	for len(rest) > 0 {
		name, more, ok := bytes.Cut(rest, nul)
		if !ok {
			return nil, errUnterminated
		}
		if len(name) == 0 {
			if len(bytes.Trim(more, "\x00")) > 0 {
				return nil, errOptionName
			}
			break // padding
		}
		if len(more) == 0 {
			return nil, errOptionValue
		}
		if _, more, ok = bytes.Cut(more, nul); !ok {
			return nil, errUnterminated
		}
		if known, is := LookupOption(name); is {
			if seen[known] {
				return nil, errOptionRepeated
			}
			seen[known] = true
		}
		rest = more
	}
	return Options(b[:len(b)-len(rest)]), nil
}
