package transfer

import (
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// TestGrant: what a server answers, in the client's order and spelling, and never more than asked.
func TestGrant(t *testing.T) {
	for _, c := range []struct {
		name    string
		op      wire.Opcode
		cfg     *Config
		mode    string
		options string
		size    int64
		want    string // what is due first
	}{
		{"nothing asked", wire.OpRRQ, nil, "octet", "", 5, ""},
		{"nothing asked", wire.OpWRQ, nil, "octet", "", 5, "ACK 0"},
		{"RFC 2348", wire.OpRRQ, nil, "octet", "blksize 1428", 5, "OACK blksize=1428"},
		{"spelling", wire.OpRRQ, nil, "octet", "BLKSIZE 1428 TSize 0", 5, "OACK BLKSIZE=1428 TSize=5"},
		{"order", wire.OpRRQ, nil, "octet", "windowsize 4 tsize 0 blksize 8", 9, "OACK windowsize=4 tsize=9 blksize=8"},
		{"unknown ones", wire.OpRRQ, nil, "octet", "multicast x utimeout 5 blksize2 512", 5, ""},
		{"the smallest block", wire.OpRRQ, nil, "octet", "blksize 8", 5, "OACK blksize=8"},
		{"below it", wire.OpRRQ, nil, "octet", "blksize 7", 5, ""},
		{"the largest", wire.OpRRQ, nil, "octet", "blksize 65464", 5, "OACK blksize=65464"},
		{"above it", wire.OpRRQ, nil, "octet", "blksize 65465", 5, "OACK blksize=65464"},
		{"no number", wire.OpRRQ, nil, "octet", "blksize big windowsize -1 timeout 1.5", 5, ""},
		{"leading zeros", wire.OpRRQ, nil, "octet", "blksize 0001024", 5, "OACK blksize=1024"},
		{"our maximum", wire.OpRRQ, &Config{MaxBlockSize: 1468}, "octet", "blksize 8192", 5, "OACK blksize=1468"},
		{"tsize of an empty file", wire.OpRRQ, nil, "octet", "tsize 0", 0, ""},
		{"with others", wire.OpRRQ, nil, "octet", "tsize 0 blksize 512", 0, "OACK blksize=512"},
		{"of an unknown size", wire.OpRRQ, nil, "octet", "tsize 0", -1, ""},
		{"in netascii", wire.OpRRQ, nil, "netascii", "tsize 0", 5, ""},
		{"tsize of a write", wire.OpWRQ, nil, "octet", "tsize 1000", -1, "OACK tsize=1000"},
		{"0 of a write", wire.OpWRQ, nil, "octet", "tsize 0", -1, "ACK 0"},
		{"too large a write", wire.OpWRQ, &Config{MaxSize: 999}, "octet", "tsize 1000", -1, "ERROR 3"},
		{"just not", wire.OpWRQ, &Config{MaxSize: 1000}, "octet", "tsize 1000", -1, "OACK tsize=1000"},
		{"no limit", wire.OpWRQ, &Config{MaxSize: -1}, "octet", "tsize 9223372036854775807", -1, "OACK tsize=9223372036854775807"},
		{"timeout", wire.OpRRQ, nil, "octet", "timeout 1", 5, "OACK timeout=1"},
		{"timeout 0", wire.OpRRQ, nil, "octet", "timeout 0", 5, ""},
		{"timeout 60", wire.OpRRQ, nil, "octet", "timeout 60", 5, "OACK timeout=60"},
		{"longer than we wait", wire.OpRRQ, nil, "octet", "timeout 61", 5, ""},
		{"any timeout", wire.OpRRQ, &Config{MaxTimeout: -1}, "octet", "timeout 255", 5, "OACK timeout=255"},
		{"timeout 256", wire.OpRRQ, &Config{MaxTimeout: -1}, "octet", "timeout 256", 5, ""},
		{"window 1", wire.OpRRQ, nil, "octet", "windowsize 1", 5, "OACK windowsize=1"},
		{"window 0", wire.OpRRQ, nil, "octet", "windowsize 0", 5, ""},
		{"window 65535", wire.OpRRQ, nil, "octet", "windowsize 65535", 5, "OACK windowsize=64"},
		{"all of it", wire.OpRRQ, &Config{MaxWindowSize: -1, MaxWindowBytes: -1}, "octet", "windowsize 65535", 5, "OACK windowsize=65534"},
		{"window bytes", wire.OpRRQ, nil, "octet", "windowsize 64 blksize 65464", 5, "OACK windowsize=4 blksize=65464"},
		{"at least one block", wire.OpRRQ, &Config{MaxWindowBytes: 100}, "octet", "blksize 512 windowsize 9", 5, "OACK blksize=512 windowsize=1"},
		{"rollover", wire.OpRRQ, nil, "octet", "rollover 0", 5, "OACK rollover=0"},
		{"rollover 1", wire.OpWRQ, nil, "octet", "Rollover 1", 5, "OACK Rollover=1"},
		{"rollover 2", wire.OpRRQ, nil, "octet", "rollover 2", 5, ""},
	} {
		req := request(t, c.op, c.mode, strings.Fields(c.options)...)
		var s Sender
		var r Receiver
		m := interface {
			nexter
			Agreed() Agreement
		}(&s)
		if c.op == wire.OpWRQ {
			r.Serve(c.cfg, req)
			m = &r
		} else {
			s.Serve(c.cfg, req, c.size)
		}
		if got := drain(m, epoch); got != c.want {
			t.Errorf("%s: %q: %q; want %q", c.name, c.options, got, c.want)
		}
		if n := strings.Count(c.want, "="); m.Agreed().Options != n && !strings.HasPrefix(c.want, "ERROR") {
			t.Errorf("%s: %+v", c.name, m.Agreed())
		}
	}
	var s Sender
	s.Serve(nil, request(t, wire.OpRRQ, "octet", "rollover", "2"), 1)
	if s.Agreed().Rollover != 0 {
		t.Error("rollover to 2 was taken")
	}
}

// TestAccept: what a client takes for an answer.
func TestAccept(t *testing.T) {
	all := &Options{BlockSize: 1428, WindowSize: 16, Timeout: 3 * time.Second, Size: true, Rollover: true, RolloverTo: 1}
	for _, c := range []struct {
		name string
		ask  *Options
		oack string
		want string // due, and
		err  error
	}{
		{"all", all, "blksize 1428 windowsize 16 timeout 3 tsize 10 rollover 1", "ACK 0", nil},
		{"less", all, "WINDOWSIZE 1 blksize 8", "ACK 0", nil},
		{"none", all, "", "ACK 0", nil},
		{"tsize 0", all, "tsize 0", "ACK 0", nil},
		{"a larger block", all, "blksize 1429", "ERROR 8", ErrBadOption},
		{"a smaller than allowed", all, "blksize 7", "ERROR 8", ErrBadOption},
		{"a larger window", all, "windowsize 17", "ERROR 8", ErrBadOption},
		{"window 0", all, "windowsize 0", "ERROR 8", ErrBadOption},
		{"another timeout", all, "timeout 2", "ERROR 8", ErrBadOption},
		{"another rollover", all, "rollover 0", "ERROR 8", ErrBadOption},
		{"no number", all, "tsize many", "ERROR 8", ErrBadOption},
		{"an unknown option", all, "multicast 1", "ERROR 8", ErrUnasked},
		{"not asked for", &Options{Size: true}, "blksize 512", "ERROR 8", ErrUnasked},
		{"nothing asked for", nil, "tsize 5", "ERROR 8", ErrUnasked},
		{"too large", all, "tsize 2000000000", "ERROR 3", ErrTooLarge},
	} {
		oack := wire.AppendOACK(nil)
		for _, f := range strings.Fields(c.oack) {
			oack = append(oack, f+"\x00"...)
		}
		var r Receiver
		if err := r.Get(nil, "f", wire.Octet, c.ask); err != nil {
			t.Fatal(err)
		}
		drain(&r, epoch)
		r.Packet(oack, epoch)
		if got := drain(&r, epoch); got != c.want || r.Err() != c.err || (r.Outcome() == Running) != (c.err == nil) {
			t.Errorf("%s: %q %v; want %q %v", c.name, got, r.Err(), c.want, c.err)
		}
		if c.err == nil {
			r.Packet(oack, epoch)
			wantDue(t, &r, epoch, "ACK 0") // it was lost
		}
		var s Sender
		if err := s.Put(nil, "f", wire.Octet, c.ask, 2e9); err != nil {
			t.Fatal(err)
		}
		drain(&s, epoch)
		s.Packet(oack, epoch)
		if want := strings.TrimPrefix(c.want, "ACK 0"); c.err != ErrTooLarge && drain(&s, epoch) != want {
			t.Errorf("%s: put: %v", c.name, s.Err())
		}
	}
}

func TestAsk(t *testing.T) {
	var r Receiver
	if err := r.Get(nil, "f", wire.Octet, &Options{BlockSize: 65464, WindowSize: 64, Timeout: 2 * time.Second, Size: true, Rollover: true}); err != nil {
		t.Fatal(err)
	}
	wantDue(t, &r, epoch, "RRQ blksize=65464 tsize=0 timeout=2 windowsize=4 rollover=0")
	if err := r.Get(nil, "f", wire.Netascii, &Options{Size: true}); err != nil {
		t.Fatal(err)
	}
	wantDue(t, &r, epoch, "RRQ")
	var s Sender
	for size, want := range map[int64]string{-1: "WRQ", 0: "WRQ tsize=0", 7: "WRQ tsize=7"} {
		if err := s.Put(nil, "f", wire.Octet, &Options{Size: true}, size); err != nil {
			t.Fatal(err)
		}
		wantDue(t, &s, epoch, want)
	}
	for _, o := range []Options{{BlockSize: 7}, {BlockSize: -1}, {WindowSize: -1}, {Timeout: time.Millisecond}, {Timeout: 300 * time.Second}, {Rollover: true, RolloverTo: 2}} {
		if err := r.Get(nil, "f", wire.Octet, &o); err == nil || r.Outcome() != Failed || r.Next(epoch) != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := s.Put(nil, "", wire.Octet, nil, 1); err == nil || s.Outcome() != Failed {
		t.Error("an empty name")
	}
}

// TestIgnoredOptions: a server that knows no options answers as if there were none (RFC 2347 4).
func TestIgnoredOptions(t *testing.T) {
	ask := &Options{BlockSize: 1428, WindowSize: 16}
	var r Receiver
	if err := r.Get(nil, "f", wire.Octet, ask); err != nil {
		t.Fatal(err)
	}
	drain(&r, epoch)
	if b, last := r.Packet(data(1, 512), epoch); len(b) != 512 || last {
		t.Fatal(len(b), last)
	}
	wantDue(t, &r, epoch, "ACK 1")
	r.Packet(data(2, 1428), epoch)
	wantDue(t, &r, epoch, "ERROR 4")
	if r.Err() != ErrBlockTooLong {
		t.Error(r.Err())
	}
	var s Sender
	if err := s.Put(nil, "f", wire.Octet, ask, -1); err != nil {
		t.Fatal(err)
	}
	drain(&s, epoch)
	if s.Space() != 0 || s.Write([]byte("x")) != 0 {
		t.Error("there is space before the size of blocks is known")
	}
	s.Packet(ack(0), epoch)
	if s.Space() != 512 {
		t.Error(s.Space())
	}
}
