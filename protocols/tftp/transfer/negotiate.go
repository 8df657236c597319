package transfer

import (
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

const (
	minBlock  = wire.MinBlockSize
	maxBlock  = wire.MaxBlockSize
	maxWindow = 65534 // one less than the numbers there are with rollover to 1, so that old blocks are told from new ones
)

// Agreement is what both sides go by.
type Agreement struct {
	BlockSize  int           // bytes of each block but the last
	WindowSize int           // blocks that one ACK may be for
	Timeout    time.Duration // the agreed time-out; 0: adaptive
	Rollover   int           // what follows block 65535: 0 or 1
	Size       int64         // the file's, as announced by the side that has it; -1: unknown
	Options    int           // how many options were agreed on
}

// plain is the agreement without any option (RFC 1350).
func plain() Agreement {
	return Agreement{BlockSize: wire.DefaultBlockSize, WindowSize: 1, Size: -1}
}

// Options are what a client asks for. A zero field is not asked for.
type Options struct {
	BlockSize  int           // bytes, 8 to 65464; at most Config.MaxBlockSize is asked for
	WindowSize int           // blocks, 1 to 65535; at most what Config allows is asked for
	Timeout    time.Duration // 1 s to 255 s, whole seconds
	Size       bool          // tsize: ask for the size (Get), or announce it if it is known (Put)
	Rollover   bool          // ask that block 0 follows 65535
	RolloverTo int           // with Rollover: 0, or 1 to ask for that
}

// grant answers the options of a request: at most what is asked, within the limits, in
// the client's spelling (RFC 2347 2). An option that is out of range or not known is
// left out. The OACK is nil if no option is left. size is that of the file to
// read, -1 if it is not known; of a file to write, the client says it.
func (c *Config) grant(req *wire.Packet, size int64) (a Agreement, oack []byte) {
	a = plain()
	if v, _, ok := req.Options.Get(wire.OptBlockSize); ok && v >= minBlock {
		a.BlockSize = int(min(v, int64(c.MaxBlockSize)))
	}
	if v, _, ok := req.Options.Get(wire.OptTransferSize); ok && v > 0 && req.Op == wire.OpWRQ && req.Mode == wire.Octet {
		a.Size = v
	}
	oack = wire.AppendOACK(nil)
	for name := range req.Options.All() {
		option, known := wire.LookupOption(name)
		if !known {
			continue
		}
		asked, _, ok := req.Options.Get(option)
		if !ok || asked < least(option) {
			continue
		}
		v, ok := c.grantOne(req, option, asked, size, &a)
		if !ok {
			continue
		}
		oack, _ = wire.AppendOptionBytes(oack, name, v)
		a.Options++
	}
	if a.Options == 0 {
		return a, nil
	}
	return a, oack
}

func least(o wire.Option) int64 {
	n, _ := o.Range()
	return n
}

// grantOne decides about one option whose value is not below its range.
func (c *Config) grantOne(req *wire.Packet, o wire.Option, asked, size int64, a *Agreement) (int64, bool) {
	switch o {
	case wire.OptBlockSize:
		return int64(a.BlockSize), true
	case wire.OptWindowSize:
		a.WindowSize = c.window(asked, a.BlockSize)
		return int64(a.WindowSize), true
	case wire.OptTimeout:
		if !o.Valid(asked) || time.Duration(asked)*time.Second > c.MaxTimeout {
			return 0, false
		}
		a.Timeout = time.Duration(asked) * time.Second
		return asked, true
	case wire.OptRollover:
		a.Rollover = int(asked & 1)
		return asked, o.Valid(asked)
	case wire.OptTransferSize:
		if req.Op == wire.OpWRQ {
			return asked, asked > 0
		}
		if size > 0 && req.Mode == wire.Octet {
			a.Size = size
			return size, true
		}
	}
	return 0, false
}

// list turns a client's wishes into options, within the limits.
func (c *Config) list(o *Options, size int64, mode wire.Mode, put bool) []wire.OptionValue {
	var l []wire.OptionValue
	block := wire.DefaultBlockSize
	if o.BlockSize != 0 {
		block = min(o.BlockSize, c.MaxBlockSize)
		l = append(l, wire.OptionValue{Option: wire.OptBlockSize, Value: int64(block)})
	}
	if o.Size && mode == wire.Octet && !(put && size < 0) {
		v := int64(0)
		if put {
			v = size
		}
		l = append(l, wire.OptionValue{Option: wire.OptTransferSize, Value: v})
	}
	if o.Timeout != 0 {
		l = append(l, wire.OptionValue{Option: wire.OptTimeout, Value: int64(o.Timeout / time.Second)})
	}
	if o.WindowSize != 0 {
		w := int64(o.WindowSize)
		if w > 1 {
			w = int64(c.window(w, max(block, 1)))
		}
		l = append(l, wire.OptionValue{Option: wire.OptWindowSize, Value: w})
	}
	if o.Rollover {
		l = append(l, wire.OptionValue{Option: wire.OptRollover, Value: int64(o.RolloverTo)})
	}
	return l
}

// accept checks an OACK against what was asked (RFC 2347 2): nothing that was not
// asked for, no block or window larger, the same timeout and rollover. The answer
// to anything else is ERROR 8.
func accept(asked []wire.OptionValue, p *wire.Packet, put bool) (Agreement, error) {
	a := plain()
	for name := range p.Options.All() {
		option, known := wire.LookupOption(name)
		want, was := find(asked, option)
		if !known || !was {
			return a, ErrUnasked
		}
		v, _, ok := p.Options.Get(option)
		if !ok || !option.Valid(v) {
			return a, ErrBadOption
		}
		switch option {
		case wire.OptBlockSize:
			a.BlockSize = int(v)
			ok = v <= want
		case wire.OptWindowSize:
			a.WindowSize = int(v)
			ok = v <= want
		case wire.OptTimeout:
			a.Timeout = time.Duration(v) * time.Second
			ok = v == want
		case wire.OptRollover:
			a.Rollover = int(v)
			ok = v == want
		case wire.OptTransferSize:
			if put {
				a.Size = want
			} else if v > 0 { // 0 says nothing: some servers repeat the question
				a.Size = v
			}
		}
		if !ok {
			return a, ErrBadOption
		}
		a.Options++
	}
	return a, nil
}

func find(l []wire.OptionValue, o wire.Option) (int64, bool) {
	for _, v := range l {
		if v.Option == o {
			return v.Value, true
		}
	}
	return 0, false
}
